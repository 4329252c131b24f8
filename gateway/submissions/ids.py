"""Ids that are derived."""

from uuid import UUID


def uuid8(digest: bytes) -> UUID:
    """Make a UUID of our own kind (RFC 9562, 5.8); `uuid` knows no version 8 before Python 3.14."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # the version
    number = number & ~(0x3 << 62) | 2 << 62  # the variant
    return UUID(int=number)
