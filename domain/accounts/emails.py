"""E-mail addresses in their normal form."""

import re
import unicodedata

EMAIL_LONGEST = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets

_LABEL = r"[^\W_](?:[^\W_]|-){0,61}[^\W_]|[^\W_]"
_EMAIL = re.compile(rf"[^\s@\"(),:;<>\[\\\]\x00-\x20\x7f-\x9f]{{1,64}}@(?:(?:{_LABEL})\.)+(?:{_LABEL})")

# Invisible characters, and those that change the direction of text: two addresses could look alike.
_FORBIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})


def normal_email(text: str) -> str:
    """Return an address in the form in which it is stored and compared; ValueError for an invalid one."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    invisible = any(unicodedata.category(character) in _FORBIDDEN for character in email)
    if invisible or len(email) > EMAIL_LONGEST or _EMAIL.fullmatch(email) is None:
        raise ValueError("value is not a valid email address")
    return email
