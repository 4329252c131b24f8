"""Proofs as the texts that tools of public transparency logs read."""

import base64
from collections.abc import Sequence
from typing import Final

_PROOF: Final = "c2sp.org/tlog-proof@v1"


def inclusion_text(index: int, hashes: Sequence[bytes], note: str, extra: bytes) -> str:
    """Write the proof that a leaf is in the tree of a checkpoint (c2sp.org/tlog-proof).

    extra: what the leaf is a hash of, for a verifier that does not have it.
    """
    head = [_PROOF, f"extra {_base64(extra)}", f"index {index}"]
    return _lines([*head, *map(_base64, hashes)]) + f"\n{note}"


def consistency_text(size: int, hashes: Sequence[bytes], note: str) -> str:
    """Write the proof that the tree of a checkpoint begins with one of `size` leaves.

    In the form of a request for a cosignature (c2sp.org/tlog-witness, add-checkpoint).
    """
    return _lines([f"old {size}", *map(_base64, hashes)]) + f"\n{note}"


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
