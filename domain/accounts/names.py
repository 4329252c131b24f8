"""Names of people, projects and keys, descriptions of projects, and e-mail addresses in their normal form."""

import re
import unicodedata
from typing import Final

NAME_LONGEST: Final = 255
DESCRIPTION_LONGEST: Final = 1000

# They change the direction of text: a name could look like another (Unicode TR 36, section 2.5).
_DIRECTIONAL: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINES: Final = frozenset("\n\r\t")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
# By category visible, yet nothing is drawn (Default_Ignorable_Code_Point, U+2800).
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_VARIANTS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_FORBIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_name(text: str) -> str:
    """Return a visible name of one line; ValueError says what is wrong."""
    if not any(map(_is_visible, text)):
        raise ValueError("must not be blank")
    return _checked(text, NAME_LONGEST)


def check_description(text: str) -> str:
    """Return a description, which may be empty or have several lines; ValueError says what is wrong."""
    _checked("".join(character for character in text if character not in _LINES), DESCRIPTION_LONGEST)
    return _short(text, DESCRIPTION_LONGEST)


def _is_visible(character: str) -> bool:
    if unicodedata.category(character) in _INVISIBLE or character in _BLANK:
        return False
    return all(ord(character) not in variants for variants in _VARIANTS)


def _checked(text: str, longest: int) -> str:
    if any(unicodedata.category(character) in _FORBIDDEN for character in text):
        raise ValueError("must not have control characters")
    if not _DIRECTIONAL.isdisjoint(text):
        raise ValueError("must not have characters that turn the direction of text")
    return _short(text, longest)


def _short(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"must have at most {longest} characters")
    return text


EMAIL_LONGEST = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets

_LABEL = r"[^\W_](?:[^\W_]|-){0,61}[^\W_]|[^\W_]"
_EMAIL = re.compile(rf"[^\s@\"(),:;<>\[\\\]\x00-\x20\x7f-\x9f]{{1,64}}@(?:(?:{_LABEL})\.)+(?:{_LABEL})")

# Invisible characters, and those that change the direction of text: two addresses could look alike.
_NOT_IN_EMAILS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})


def normal_email(text: str) -> str:
    """Return an address in the form in which it is stored and compared; ValueError for an invalid one."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    invisible = any(unicodedata.category(character) in _NOT_IN_EMAILS for character in email)
    if invisible or len(email) > EMAIL_LONGEST or _EMAIL.fullmatch(email) is None:
        raise ValueError("value is not a valid email address")
    return email
