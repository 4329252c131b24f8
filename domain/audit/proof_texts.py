"""Proofs as the texts that tools of public transparency logs read."""

import base64
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_PROOF: Final = "c2sp.org/tlog-proof@v1"
_HEAD: Final = re.compile(
    rf"{re.escape(_PROOF)}\nextra (.*)\nindex (0|[1-9][0-9]{{0,18}})\n((?:.+\n){{0,63}})\n", re.ASCII
)


class InclusionText(NamedTuple):
    """What the text of an inclusion proof says, unverified; `leaf_index` counts from 0."""

    leaf_index: int
    hashes: Sequence[bytes]
    note: str
    extra: bytes


def inclusion_text(index: int, hashes: Sequence[bytes], note: str, extra: bytes) -> str:
    """Write the proof that a leaf is in the tree of a checkpoint (c2sp.org/tlog-proof).

    extra: what the leaf is a hash of, for a verifier that does not have it.
    """
    head = [_PROOF, f"extra {_base64(extra)}", f"index {index}"]
    return _lines([*head, *map(_base64, hashes)]) + f"\n{note}"


def inclusion_from(text: str) -> InclusionText:
    """Read what `inclusion_text` writes; ValueError for anything else."""
    if (head := _HEAD.match(text)) is None:
        raise ValueError(f"no inclusion proof: it begins with {_PROOF}, extra and index")
    encoded = [head[1], *head[3].splitlines()]
    try:
        extra, *hashes = [base64.b64decode(line, validate=True) for line in encoded]
    except ValueError:
        raise ValueError("a line of an inclusion proof is not base64") from None
    proof = InclusionText(int(head[2]), hashes, text[head.end() :], extra)
    if text != inclusion_text(*proof):
        raise ValueError("the base64 of an inclusion proof has spare bits")
    return proof


def consistency_text(size: int, hashes: Sequence[bytes], note: str) -> str:
    """Write the proof that the tree of a checkpoint begins with one of `size` leaves.

    In the form of a request for a cosignature (c2sp.org/tlog-witness, add-checkpoint).
    """
    return _lines([f"old {size}", *map(_base64, hashes)]) + f"\n{note}"


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
