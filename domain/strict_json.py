"""Parse untrusted JSON without ambiguity.

Stricter than RFC 8259: no NaN, no Infinity and no number that would become one, no duplicate key in an
object, no unpaired surrogate and no NUL; nesting is bounded before the text is parsed.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Final, NoReturn

MAX_DEPTH: Final = 16
MAX_DIGITS: Final = 308

# Strings are skipped whole, an unterminated one to the end of the text, so that the scan stays linear.
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_UNSAFE: Final = re.compile("[\0\ud800-\udfff]")


class MalformedJsonError(ValueError):
    """The text is not valid JSON."""


class UnacceptableJsonError(ValueError):
    """The text is valid JSON, but not accepted; the message says why, for the client."""


def load_json(text: str, *, max_depth: int = MAX_DEPTH, any_text: bool = False) -> object:
    """Parse one JSON value; with `any_text` the caller checks the strings.

    Raises MalformedJsonError for invalid JSON, UnacceptableJsonError for nesting over ``max_depth``,
    a duplicate key, an unpaired surrogate or NUL.
    """
    if _depth(text) > max_depth:
        raise UnacceptableJsonError(f"nested deeper than {max_depth} levels")
    try:
        value: object = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise MalformedJsonError(str(error)) from error
    if not any_text and any(_UNSAFE.search(string) for string in _strings(value)):
        raise UnacceptableJsonError("text must not contain NUL or unpaired surrogates")
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnacceptableJsonError("every key may stand only once in an object")
    return found


def _refuse(constant: str) -> NoReturn:
    raise MalformedJsonError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedJsonError("number out of range")
    return number


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise MalformedJsonError("number out of range")
    return int(digits)


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, member in value.items():
                yield key
                yield from _strings(member)
        case list():
            for member in value:
                yield from _strings(member)
