"""The request header `Idempotency-Key`."""

from domain.errors import ErrorCode, FieldError


def parse_key(text: str, loc: tuple[str, ...]) -> str:
    """Read an Idempotency-Key, quoted or bare: 1 to 255 visible ASCII characters. Raises FieldError."""
    key = text.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if 1 <= len(key) <= 255 and all("\x21" <= letter <= "\x7e" for letter in key):
        return key
    raise FieldError(
        ErrorCode.INVALID_REQUEST, loc, "must be 1 to 255 visible ASCII characters", "value_error"
    )
