"""What people call themselves, their projects and their keys: one rule for every door."""

import unicodedata
from typing import Final

NAME_LONGEST: Final = 255
DESCRIPTION_LONGEST: Final = 1000

# They turn the order of what is read around: a name could look like another (Unicode TR 36, section 2.5).
_TURNING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINES: Final = frozenset("\n\r\t")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
# By category letters, marks and symbols, yet nothing is drawn (Default_Ignorable_Code_Point, U+2800).
_EMPTY: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_VARIANTS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_NEVER: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_name(text: str) -> str:
    """Return a name of one line that can be seen; ValueError says what is wrong with it."""
    if not any(map(_seen, text)):
        raise ValueError("must not be blank")
    return _checked(text, NAME_LONGEST)


def check_description(text: str) -> str:
    """Return a text that may have several lines, or none; ValueError says what is wrong with it."""
    _checked("".join(character for character in text if character not in _LINES), DESCRIPTION_LONGEST)
    return _short(text, DESCRIPTION_LONGEST)


def _seen(character: str) -> bool:
    if unicodedata.category(character) in _UNSEEN or character in _EMPTY:
        return False
    return all(ord(character) not in variants for variants in _VARIANTS)


def _checked(text: str, longest: int) -> str:
    if any(unicodedata.category(character) in _NEVER for character in text):
        raise ValueError("must not have control characters")
    if not _TURNING.isdisjoint(text):
        raise ValueError("must not have characters that turn the direction of text")
    return _short(text, longest)


def _short(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"must have at most {longest} characters")
    return text
