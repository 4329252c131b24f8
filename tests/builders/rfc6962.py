"""The Merkle tree and its proofs, written from RFC 6962 and RFC 9162 without the product's code."""

from collections.abc import Sequence
from hashlib import sha256


def leaf_of(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Compute MTH as RFC 6962, section 2.1 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def naive_inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Compute PATH as RFC 6962, section 2.1.1 defines it."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*naive_inclusion(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_inclusion(index - split, leaves[split:]), naive_root(leaves[:split])]


def naive_consistency(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """Compute SUBPROOF as RFC 6962, section 2.1.2 defines it."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*naive_consistency(old, leaves[:split], whole=whole), naive_root(leaves[split:])]
    return [*naive_consistency(old - split, leaves[split:], whole=False), naive_root(leaves[:split])]


def root_by_inclusion(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes:
    """Compute the root that an inclusion proof leads to (RFC 9162, 2.1.3.2); ValueError for a malformed one."""
    node, number, last = leaf, index, size - 1
    for sibling in hashes:
        if last == 0:
            raise ValueError("too many hashes")
        if number % 2 or number == last:
            node = _parent(sibling, node)
            while number and not number % 2:
                number, last = number // 2, last // 2
        else:
            node = _parent(node, sibling)
        number, last = number // 2, last // 2
    if last:
        raise ValueError("too few hashes")
    return node


def roots_by_consistency(old: int, new: int, old_root: bytes, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Compute the roots of both sizes that a consistency proof leads to (RFC 9162, 2.1.4.2)."""
    nodes = [*hashes] if old & (old - 1) else [old_root, *hashes]
    number, last = old - 1, new - 1
    while number % 2:
        number, last = number // 2, last // 2
    older = newer = nodes[0]
    for node in nodes[1:]:
        if number % 2 or number == last:
            older, newer = _parent(node, older), _parent(node, newer)
            while number and not number % 2:
                number, last = number // 2, last // 2
        else:
            newer = _parent(newer, node)
        number, last = number // 2, last // 2
    return older, newer


def _parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
