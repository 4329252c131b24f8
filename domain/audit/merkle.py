"""Merkle trees of RFC 6962 (now RFC 9162, section 2.1): append, proofs, and their verification.

A tree of `size` leaves splits at the largest power of two below `size`. Leaves come in as hashes already
(`events.commit.leaf_hash`). Indexes count from 0: the leaf at position p of the sealed order has index p - 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()

Range = tuple[int, int]
"""The leaves from the first number up to, not including, the second."""


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def perfect_root(nodes: Sequence[bytes]) -> bytes:
    """Hash a perfect tree over nodes, whose number is a power of two."""
    while len(nodes) > 1:
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the perfect subtrees of a tree, the largest first; enough to append leaves.

    Their number is that of the one-bits of `size`; ValueError for another one.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} subtrees do not make a tree of {self.size} leaves")

    def extended(self, nodes: Iterable[bytes], level: int = 0) -> "Frontier":
        """Return the frontier with leaves appended, or with the roots of perfect subtrees of 2**level leaves each.

        ValueError when the size is no multiple of theirs.
        """
        if self.size & ((1 << level) - 1):
            raise ValueError(f"no subtree of {1 << level} leaves begins behind {self.size} leaves")
        count, hashes, nodes = self.size >> level, list(self.hashes), [*nodes]
        if not count and len(nodes).bit_count() == 1:
            return Frontier(len(nodes) << level, (perfect_root(nodes),))
        for appended in nodes:
            node, carry = appended, count
            while carry & 1:
                node = node_hash(hashes.pop(), node)
                carry >>= 1
            hashes.append(node)
            count += 1
        return Frontier(count << level, tuple(hashes))

    def completed(self, leaf: bytes, level: int) -> bytes:
        """Hash the perfect subtree of 2**level leaves that the next leaf completes."""
        node = leaf
        for left in reversed(self.hashes[len(self.hashes) - level :]):
            node = node_hash(left, node)
        return node

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def inclusion_path(index: int, size: int) -> list[Range]:
    """List the subtrees whose roots, in order, are the inclusion proof of a leaf (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[Range] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append((middle, last))
            last = middle
        else:
            path.append((first, middle))
            first = middle
    return path[::-1]


def consistency_path(old: int, new: int) -> list[Range]:
    """List the subtrees whose roots are the consistency proof of two sizes (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} leaves is no prefix of one of {new}")
    path: list[Range] = []
    first, last = 0, new
    while old < last:
        middle = first + _split(last - first)
        if old <= middle:
            path.append((middle, last))
            last = middle
        else:
            path.append((first, middle))
            first = middle
    # The verifier has the root of the old tree; a smaller subtree at its end must be in the proof.
    known = [] if first == 0 else [(first, last)]
    return [*known, *path[::-1]]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Verify an inclusion proof (RFC 9162, 2.1.3.2)."""
    path = inclusion_path(index, size) if 0 <= index < size else None
    if path is None or len(proof) != len(path):
        return False
    hashed = leaf
    for (first, _), sibling in zip(path, proof, strict=True):
        hashed = node_hash(sibling, hashed) if first <= index else node_hash(hashed, sibling)
    return hashed == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Verify a consistency proof (RFC 9162, 2.1.4.2)."""
    path = consistency_path(old, new) if 0 < old <= new else None
    if path is None or len(proof) != len(path):
        return False
    nodes = list(zip(path, proof, strict=True))
    # The proof begins with the last subtree of the old tree, unless that is the whole old tree.
    older = newer = nodes.pop(0)[1] if path and path[0][1] == old else old_root
    for (first, _), sibling in nodes:
        if first < old:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
        else:
            newer = node_hash(newer, sibling)
    return older == old_root and newer == new_root


def _split(size: int) -> int:
    """Return the largest power of two below `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1
