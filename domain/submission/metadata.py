"""Metadata: a small JSON object of the client that is stored and returned unchanged."""

from collections.abc import Iterator
from typing import Final

from domain.errors import ErrorCode, FieldError
from domain.strict_json import MalformedJsonError, UnacceptableJsonError, load_json

MAX_KEYS: Final = 16
MAX_BYTES: Final = 2_048
_INT64: Final = range(-(2**63), 2**63)


def parse_metadata(text: str) -> dict[str, object]:
    """Read the text of the field ``metadata``: an object of at most 16 keys in 2,048 bytes of UTF-8.

    Integers must fit 64 bits. Raises FieldError.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise metadata_too_long()
    try:
        value = load_json(text)
    except MalformedJsonError as error:
        raise metadata_refusal("Invalid JSON format", "value_error.json") from error
    except UnacceptableJsonError as error:
        raise metadata_refusal(str(error), "value_error") from error
    if not isinstance(value, dict):
        raise metadata_refusal("Metadata must be a JSON object", "type_error.dict")
    if len(value) > MAX_KEYS:
        raise metadata_refusal(f"Metadata must have at most {MAX_KEYS} keys", "value_error.dict.max_items")
    if any(number not in _INT64 for number in _integers(value)):
        raise metadata_refusal("integers must fit 64 bits", "value_error.number")
    return value


def metadata_too_long() -> FieldError:
    return metadata_refusal(f"Metadata must be at most {MAX_BYTES} bytes", "value_error.any_str.max_length")


def metadata_refusal(msg: str, kind: str) -> FieldError:
    return FieldError(ErrorCode.INVALID_METADATA, ("body", "metadata"), msg, kind)


def _integers(value: object) -> Iterator[int]:
    match value:
        case bool():
            return
        case int():
            yield value
        case dict():
            for member in value.values():
                yield from _integers(member)
        case list():
            for member in value:
                yield from _integers(member)
