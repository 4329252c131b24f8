"""Merkle proofs whose hashes, positions or sizes are not those of the tree."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from hypothesis import strategies as st

from domain.audit.merkle import Range, consistency_path, inclusion_path, verify_consistency, verify_inclusion
from tests.builders.merkle import root_of
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_MOST: Final = 70
_LEAVES: Final = [sha256(bytes([number])).digest() for number in range(_MOST)]


def _proof(path: Sequence[Range]) -> list[bytes]:
    return [root_of(_LEAVES[first:last]) for first, last in path]


@st.composite
def claims(draw: st.DrawFn) -> tuple[tuple[Any, ...], tuple[Any, ...], bool]:
    """Draw a true claim and one that may be spoilt: sizes, proof, roots; True where they are of consistency."""
    new = draw(st.integers(1, _MOST))
    grows = draw(st.booleans())
    old = draw(st.integers(1, new) if grows else st.integers(0, new - 1))
    proof = _proof(consistency_path(old, new) if grows else inclusion_path(old, new))
    root = root_of(_LEAVES[:new])
    known = root_of(_LEAVES[:old]) if grows else _LEAVES[old]
    true = (old, new, tuple(proof), known, root)
    return true, tuple(_spoilt(draw, part) if draw(st.booleans()) else part for part in true), grows


def _spoilt(draw: st.DrawFn, part: Any) -> Any:
    match part:
        case int():
            return draw(st.integers(-2, _MOST + 2) | st.integers(-(2**70), 2**70))
        case bytes():
            return draw(st.sampled_from((*_LEAVES[:3], b"", part[::-1], part + b"\0", sha256(part).digest())))
        case _:
            hashes = st.sampled_from((*part, b"", *_LEAVES[:2]))
            return tuple(draw(st.permutations(part) | st.lists(hashes, max_size=len(part) + 2)))


def check(_: Service, value: tuple[tuple[Any, ...], tuple[Any, ...], bool]) -> None:
    true, (old, new, proof, known, root), grows = value
    if grows:
        holds = verify_consistency(old, new, known, root, proof)
    else:
        holds = verify_inclusion(known, old, new, proof, root)
    assert holds or (old, new, proof, known, root) != true, "a true claim is refused"
    if holds and 0 < new <= _MOST and root == root_of(_LEAVES[:new]):  # other roots are of other trees
        assert known == (root_of(_LEAVES[:old]) if grows else _LEAVES[old]), "a false claim is believed"


MERKLE: Final = Target("merkle", 3, every(claims(), check))
