"""Proofs that read stored nodes are those of the leaves, and two other implementations agree with them."""

from collections.abc import Iterator, Mapping

import pytest
from pymerkle import InmemoryTree

from domain.audit.checkpoints import ContradictionError
from domain.audit.merkle import consistency_path, inclusion_path
from tests.builders.rfc6962 import leaf_of, naive_consistency, naive_inclusion, naive_root
from tests.store.audit.conftest import AuditHarness
from tests.systems.databases import Databases

SIZE = 75  # with levels 2, 4 and 6: 18, 4 and 1 nodes


@pytest.fixture
def mongodb_url(own_databases: Databases) -> Iterator[str]:
    """Take a server of which one may count what it reads."""
    with own_databases.lent() as url:
        yield url


async def bodies(audit_log: AuditHarness) -> list[bytes]:
    entries = await audit_log.database["log"].find({}).sort("_id", 1).to_list(None)
    commits = await audit_log.database["commits"].find({}).to_list(None)
    by_id = {commit["_id"]: commit["body"] for commit in commits}
    return [by_id[entry["commit"]] for entry in entries]


async def fill(audit_log: AuditHarness, size: int = SIZE) -> list[bytes]:
    """Write commits, sealed and signed in three steps; return their bodies."""
    for number in range(size):
        await audit_log.write(f"stream-{number}")
        if number in (3, 40):
            await audit_log.seal()
            await audit_log.sign()
    await audit_log.seal()
    await audit_log.sign()
    return await bodies(audit_log)


async def test_every_proof_is_the_one_that_the_rfc_defines(deep_log: AuditHarness) -> None:
    leaves = [leaf_of(body) for body in await fill(deep_log)]
    assert await deep_log.database["merkle_nodes"].count_documents({}) == 18 + 4 + 1
    for index in range(SIZE):
        path = inclusion_path(index, SIZE)
        assert await deep_log.checkpoints.proof(path) == naive_inclusion(index, leaves)
    for old in range(1, SIZE + 1):
        assert await deep_log.checkpoints.proof(consistency_path(old, SIZE)) == naive_consistency(old, leaves)


async def test_pymerkle_has_the_same_roots_and_proofs(deep_log: AuditHarness) -> None:
    tree, entries = InmemoryTree(), await fill(deep_log)
    for entry in entries:
        tree.append_entry(entry)
    signed = [checkpoint async for checkpoint in deep_log.checkpoints.all()]
    assert [checkpoint.size for checkpoint in signed] == [4, 41, SIZE]
    assert [checkpoint.root for checkpoint in signed] == [tree.get_root(one.size) for one in signed]
    for index, entry in enumerate(entries):
        foreign = {bytes.fromhex(node) for node in tree.prove_inclusion(index + 1, SIZE).serialize()["path"]}
        proof = await deep_log.checkpoints.proof(inclusion_path(index, SIZE))
        assert {*proof, leaf_of(entry)} == foreign


async def test_missing_nodes_are_computed_from_below(deep_log: AuditHarness) -> None:
    leaves = [leaf_of(body) for body in await fill(deep_log)]
    nodes = deep_log.database["merkle_nodes"]
    for removed in [{"_id": {"$mod": [3, 0]}}, {}]:
        await nodes.delete_many(removed)
        assert await deep_log.checkpoints.nodes.root(0, 64) == naive_root(leaves[:64])
        assert await deep_log.checkpoints.proof(inclusion_path(70, SIZE)) == naive_inclusion(70, leaves)
    assert (await deep_log.verify()).size == SIZE
    await deep_log.checkpoints.nodes.complete(SIZE)
    assert await nodes.count_documents({}) == 18 + 4 + 1
    assert (await deep_log.verify()).size == SIZE


async def test_a_proof_reads_a_few_leaves_of_a_long_log(audit_log: AuditHarness) -> None:
    await fill(audit_log, 600)
    read = Reads(await counts(audit_log))
    await audit_log.checkpoints.proof(inclusion_path(599, 600))
    assert read.since(await counts(audit_log)) <= 88 + 2  # the last subtree, and two nodes for 512 leaves


class Reads:
    """How many documents were read of two collections."""

    def __init__(self, before: Mapping[str, int]) -> None:
        self._before = before

    def since(self, now: Mapping[str, int]) -> int:
        return now["total"] - self._before["total"]


async def counts(audit_log: AuditHarness) -> Mapping[str, int]:
    status = await audit_log.database.client["admin"].command("serverStatus")
    return {"total": status["metrics"]["queryExecutor"]["scannedObjects"]}


async def test_a_changed_node_is_found_with_its_position(deep_log: AuditHarness) -> None:
    await fill(deep_log)
    nodes = deep_log.database["merkle_nodes"]
    for number, level, position in ((3, 2, 16), (1, 4, 32), (0, 6, 64)):
        where: dict[str, object] = {"_id": level * 2**48 + number}
        original = await nodes.find_one(where)
        assert original is not None
        await deep_log.tamper("merkle_nodes", where, {"root": bytes(32)})
        with pytest.raises(ContradictionError, match=f"level {level} at {position} is not that of the log") as fault:
            await deep_log.verify()
        assert fault.value.position == position
        await nodes.replace_one(where, original)


@pytest.mark.parametrize(("identifier", "said"), [(2 * 2**48 + 90, "behind the log"), (7, "no Merkle node")])
async def test_a_node_of_nothing_is_found(deep_log: AuditHarness, identifier: int, said: str) -> None:
    await fill(deep_log)
    await deep_log.database["merkle_nodes"].insert_one({"_id": identifier, "root": bytes(32)})
    with pytest.raises(ContradictionError, match=said):
        await deep_log.verify()
