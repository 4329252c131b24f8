"""`expected_hash`: the SHA-256 that a picture must have, so that a damaged or mistaken upload is refused."""

import re
from collections.abc import Sequence
from typing import Final

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.faults import Faults

FIELD: Final = "expected_hash"
_HASH: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.ASCII | re.IGNORECASE)


def check_hashes(expected: Sequence[str], sent: Sequence[str | None]) -> None:
    """Compare the hashes of the pictures, in hexadecimal, with what the client expects of each, in order.

    An empty text expects nothing; None is a picture that is refused anyway. Raises FieldError for a malformed text and
    for more of them than pictures, ExemplarError `hash_mismatch` for another picture; each names the other faults.
    """
    if len(expected) > len(sent):
        raise invalid_field("body", FIELD, f"{len(expected)} hashes were sent for {len(sent)} images")
    faults = Faults()
    for number, text in enumerate(expected):
        faults.check(_check_hash, text.strip(), sent[number], number)
    faults.refuse()


def _check_hash(expected: str, sent: str | None, number: int) -> None:
    if not expected:
        return
    found = _HASH.fullmatch(expected)
    if found is None:
        raise invalid_field("body", FIELD, "must be a SHA-256 in 64 hexadecimal digits")
    if sent is not None and found[1].lower() != sent:
        said = f"image {number} has the SHA-256 {sent}, expected was {found[1].lower()}"
        raise ExemplarError(ErrorCode.HASH_MISMATCH, said, loc=("body", FIELD, number))
