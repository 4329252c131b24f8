"""The tree, against the published vectors of Certificate Transparency and against the definition itself."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    verify_consistency,
    verify_inclusion,
)
from events.commit import leaf_hash
from tests.builders.merkle import root_of
from tests.builders.rfc6962 import naive_consistency, naive_inclusion, naive_root

# The inputs and roots that the first Certificate Transparency logs were tested with.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    return [root_of(leaves[first:last]) for first, last in inclusion_path(index, len(leaves))]


def consistency(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    return [root_of(leaves[first:last]) for first, last in consistency_path(old, len(leaves))]


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


SIZES = st.integers(1, 130)


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    assert [node.hex() for node in inclusion(index, LEAVES[:size])] == INCLUSION[index, size]


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, new: int) -> None:
    assert [node.hex() for node in consistency(old, LEAVES[:new])] == CONSISTENCY[old, new]


@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_tree_that_grows_in_steps_has_the_root_of_the_whole(steps: list[int]) -> None:
    leaves, frontier, done = leaves_of(sum(steps)), Frontier(), 0
    for step in steps:
        frontier = frontier.extended(leaves[done : done + step])
        done += step
        assert frontier.size == done
        assert frontier.root() == naive_root(leaves[:done])


@given(SIZES, st.data())
def test_every_leaf_is_proven_as_the_rfc_defines_it(size: int, data: st.DataObject) -> None:
    index, leaves = data.draw(st.integers(0, size - 1)), leaves_of(size)
    proof = inclusion(index, leaves)
    assert proof == naive_inclusion(index, leaves)
    assert verify_inclusion(leaves[index], index, size, proof, naive_root(leaves))


@given(SIZES, st.data())
def test_every_growth_is_proven_as_the_rfc_defines_it(new: int, data: st.DataObject) -> None:
    old, leaves = data.draw(st.integers(1, new)), leaves_of(new)
    proof = consistency(old, leaves)
    assert proof == naive_consistency(old, leaves)
    assert verify_consistency(old, new, naive_root(leaves[:old]), naive_root(leaves), proof)


@given(SIZES, st.data())
def test_an_inclusion_proof_proves_nothing_else(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(index, leaves), naive_root(leaves)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index)) if size > 1 else size
    assert not verify_inclusion(leaves[index], other, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    assert not verify_inclusion(leaves[index], index, size, [*proof, root], root)
    assert not verify_inclusion(leaves[index], index, size, proof, leaf_hash(b"another"))
    assert not proof or not verify_inclusion(leaves[index], index, size, proof[:-1], root)


@given(SIZES, st.data())
def test_no_proof_hides_a_changed_past(new: int, data: st.DataObject) -> None:
    old, leaves = data.draw(st.integers(1, new)), leaves_of(new)
    changed = data.draw(st.integers(0, old - 1))
    forged = [*leaves[:changed], leaf_hash(b"forged"), *leaves[changed + 1 :]]
    before, root = naive_root(leaves[:old]), naive_root(forged)
    assert not verify_consistency(old, new, before, root, consistency(old, forged))
    assert not verify_consistency(old, new, before, root, consistency(old, leaves))
    assert not verify_consistency(old, new, before, naive_root(leaves), [*consistency(old, leaves), root])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_for_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(index, size)
    assert not verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_there_is_no_consistency_proof_from_an_empty_or_larger_tree(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no prefix"):
        consistency_path(old, new)
    assert not verify_consistency(old, new, EMPTY_ROOT, EMPTY_ROOT, [])


def test_a_frontier_with_a_subtree_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="subtrees"):
        Frontier(3, (LEAVES[0],))


@pytest.mark.parametrize("size", [4, 8, 12, 130])
def test_a_tree_of_subtrees_is_the_tree_of_their_leaves(size: int) -> None:
    leaves = leaves_of(size)
    roots = [naive_root(leaves[first : first + 4]) for first in range(0, size // 4 * 4, 4)]
    whole = Frontier().extended(roots, level=2).extended(leaves[size // 4 * 4 :])
    assert whole == Frontier().extended(leaves)


def test_no_subtree_begins_in_the_middle_of_another() -> None:
    with pytest.raises(ValueError, match="no subtree of 4 leaves begins behind 3 leaves"):
        Frontier().extended(leaves_of(3)).extended([LEAVES[0]], level=2)


@pytest.mark.parametrize("level", range(5))
def test_the_subtree_that_a_leaf_completes_has_the_root_of_its_leaves(level: int) -> None:
    leaves = leaves_of(48)
    for last in range(1 << level, 49, 1 << level):
        before = Frontier().extended(leaves[: last - 1])
        assert before.completed(leaves[last - 1], level) == naive_root(leaves[last - (1 << level) : last])
