"""Checkpoints and proofs over HTTP, verified by readers that are written from the specifications."""

import json
from typing import Any

import pytest
import pytest_asyncio

from domain.accounts.access import Role
from store.audit.checkpointing import Checkpointer
from tests.builders.rfc6962 import leaf_of, naive_root, root_by_inclusion, roots_by_consistency
from tests.builders.tlog import Checkpoint, read_checkpoint, read_growth, read_proof
from tests.builders.witness import WITNESS, Witness
from tests.gateway.audit.conftest import AuditHarness
from tests.store.audit.conftest import KEY
from tests.systems.gateway import OPERATOR_KEY
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKPOINT, PROOF, CONSISTENCY = (f"/api/v1/audit/{name}" for name in ("checkpoint", "proof", "consistency"))
OPERATOR = {"X-Operator-Key": OPERATOR_KEY}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def sizes(audit: AuditHarness) -> list[int]:
    """Sign the log twice, and leave one developer's last commits unsigned; return the signed sizes."""
    made = [await sign(audit)]
    await audit.add_developer()
    await audit.seal()
    made.append(await sign(audit))
    await audit.add_developer()
    await audit.seal()
    return made


async def sign(audit: AuditHarness) -> int:
    checkpoints = audit.gateway.store.checkpoints
    signer = Checkpointer(checkpoints, signer=KEY, trusted=[KEY.public], clock=audit.gateway.clock)
    made = await signer.make()
    assert made is not None
    return made.size


async def text(gateway: GatewayHarness, path: str, headers: dict[str, str]) -> str:
    async with gateway.client.get(path, headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain"), await answer.text()
        return await answer.text()


async def checkpoint(audit: AuditHarness, size: int | None = None) -> Checkpoint:
    query = "" if size is None else f"?size={size}"
    return read_checkpoint(await text(audit.gateway, CHECKPOINT + query, audit.auditor), str(KEY.public))


async def readers(audit: AuditHarness) -> dict[str, dict[str, str]]:
    operator = await audit.gateway.staff(Role.PLATFORM_OPERATOR)
    staff = {"auditor": audit.auditor, "operator": operator, "operator key": OPERATOR}
    return {**staff, "developer": audit.owners[0].token, "end user": audit.people[0].token}


async def test_everybody_with_an_account_reads_the_keys_that_verify(audit: AuditHarness) -> None:
    for headers in (await readers(audit)).values():
        status, body = await audit.gateway.get("/api/v1/audit/keys", headers)
        assert (status, body["log"]) == (200, "exemplar")
        [key] = body["keys"]
        assert read_checkpoint(await text(audit.gateway, CHECKPOINT, headers), key).size > 0
    assert (await audit.gateway.get("/api/v1/audit/keys", {}))[0] == 401


async def test_everybody_with_an_account_reads_checkpoints_and_their_consistency(
    audit: AuditHarness, sizes: list[int]
) -> None:
    first, latest = [await checkpoint(audit, size) for size in sizes]
    assert await checkpoint(audit) == latest
    assert (first.origin, first.size, latest.size) == ("exemplar", *sizes)
    for headers in (await readers(audit)).values():
        assert read_checkpoint(await text(audit.gateway, CHECKPOINT, headers), str(KEY.public)) == latest
        growth = await text(audit.gateway, f"{CONSISTENCY}?from={first.size}", headers)
        old, hashes, note = read_growth(growth)
        assert (old, read_checkpoint(note, str(KEY.public))) == (first.size, latest)
        assert roots_by_consistency(old, latest.size, first.root, hashes) == (first.root, latest.root)


async def test_growth_is_proven_from_every_size_to_every_checkpoint(audit: AuditHarness, sizes: list[int]) -> None:
    entries = await audit.gateway.store.database["log"].find({}).sort("_id", 1).to_list(None)
    leaves = [entry["leaf"] for entry in entries]
    for size in sizes:
        newer = await checkpoint(audit, size)
        for old in range(size + 1):
            answer = await text(audit.gateway, f"{CONSISTENCY}?from={old}&to={size}", audit.auditor)
            number, hashes, _ = read_growth(answer)
            assert number == old
            if old in (0, size):
                assert hashes == []
                continue
            old_root = naive_root(leaves[:old])
            assert roots_by_consistency(old, size, old_root, hashes) == (old_root, newer.root)


async def test_a_proof_leads_from_the_body_of_the_event_to_the_checkpoint(audit: AuditHarness) -> None:
    latest = await checkpoint(audit)
    for headers in (audit.auditor, audit.owners[0].token, OPERATOR):
        for event in await audit.all(audit.auditor, generation_id=audit.generations[0]):
            proof = read_proof(await text(audit.gateway, f"{PROOF}?event={event['id']}", headers))
            assert read_checkpoint(proof.note, str(KEY.public)) == latest
            assert proof.index == event["position"] - 1
            assert root_by_inclusion(leaf_of(proof.extra), proof.index, latest.size, proof.hashes) == latest.root
            [proven] = [one for one in json.loads(proof.extra) if one["id"] == event["id"]]
            assert (proven["type"], proven["data"]) == (event["type"], event["data"])


async def refusal(audit: AuditHarness, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    status, body = await audit.gateway.get(path, headers or audit.auditor)
    body.pop("request_id")
    return status, body


async def test_the_proof_of_a_foreign_event_looks_like_that_of_an_unknown_one(audit: AuditHarness) -> None:
    own, other = audit.owners[:2]
    unknown = await refusal(audit, f"{PROOF}?event=generation-{'0' * 8}:1", own.token)
    assert (unknown[0], unknown[1]["code"]) == (404, "not_found")
    foreign = [f"generation-{audit.generations[1]}:1", f"developer-{other.id}:1", "platform:1"]
    for event in foreign:
        assert await refusal(audit, f"{PROOF}?event={event}", own.token) == unknown
        await text(audit.gateway, f"{PROOF}?event={event}", audit.auditor)
    past_the_end = f"{PROOF}?event=generation-{audit.generations[0]}:99"
    assert await refusal(audit, past_the_end, own.token) == unknown


async def test_an_end_user_gets_no_proof(audit: AuditHarness) -> None:
    path = f"{PROOF}?event=generation-{audit.generations[0]}:1"
    status, body = await refusal(audit, path, audit.people[0].token)
    assert (status, body["code"]) == (403, "forbidden")


async def test_an_event_under_no_checkpoint_is_a_conflict(audit: AuditHarness) -> None:
    path = f"{PROOF}?event=generation-{audit.generations[3]}:1"
    for headers in (audit.auditor, audit.owners[3].token):
        status, body = await refusal(audit, path, headers)
        assert (status, body["code"], body["detail"]) == (409, "conflict", "The event is under no checkpoint yet")


BAD = {
    f"{CHECKPOINT}?size=x": "invalid_request",
    f"{CHECKPOINT}?size=-1": "invalid_request",
    f"{CHECKPOINT}?size=1&size=2": "invalid_request",
    f"{CHECKPOINT}?size=1": "unknown_position",
    f"{CONSISTENCY}": "invalid_request",
    f"{CONSISTENCY}?from=": "invalid_request",
    f"{CONSISTENCY}?from=1.0": "invalid_request",
    f"{CONSISTENCY}?from=1&from=2": "invalid_request",
    f"{CONSISTENCY}?from=1&to=1": "unknown_position",
    f"{CONSISTENCY}?from=1&to=1e3": "invalid_request",
    f"{CONSISTENCY}?from=999999": "unknown_position",
    f"{PROOF}": "invalid_request",
    f"{PROOF}?event=": "invalid_request",
    f"{PROOF}?event=a": "invalid_request",
    f"{PROOF}?event=a:0": "invalid_request",
    f"{PROOF}?event=a:01": "invalid_request",
    f"{PROOF}?event=a:-1": "invalid_request",
    f"{PROOF}?event=a%00:1": "invalid_request",
    f"{PROOF}?event={'a' * 129}:1": "invalid_request",
    f"{PROOF}?event=a:1&event=a:2": "invalid_request",
}


@pytest.mark.parametrize("path", BAD)
async def test_a_malformed_or_unknown_value_has_its_code(audit: AuditHarness, path: str) -> None:
    status, body = await refusal(audit, path)
    assert (status, body["code"]) == (422, BAD[path])


async def test_an_answer_is_sent_once(audit: AuditHarness) -> None:
    for path in (CHECKPOINT, f"{CONSISTENCY}?from=1", f"{PROOF}?event=generation-{audit.generations[0]}:1"):
        async with audit.gateway.client.get(path, headers=audit.auditor) as answer:
            etag = answer.headers["ETag"]
            assert answer.headers["Cache-Control"] == "private, no-cache"
        headers = {**audit.auditor, "If-None-Match": etag}
        async with audit.gateway.client.get(path, headers=headers) as answer:
            assert (answer.status, await answer.read()) == (304, b"")


async def test_a_proof_for_staff_is_recorded_as_an_access(audit: AuditHarness) -> None:
    auditor = await audit.gateway.staff(Role.AUDITOR)
    await audit.seal()
    page = await audit.page(order="backward", limit=1)
    for _ in range(2):
        await text(audit.gateway, f"{PROOF}?event=generation-{audit.generations[0]}:1", auditor)
    await audit.seal()
    recorded = [event["data"] for event in await audit.all(type="access.log_read", after=page["events"][0]["position"])]
    [read] = [one for one in recorded if one["generation"] == audit.generations[0]]
    assert (read["filters"], read["user"]) == (["generation"], audit.people[0].id)


async def test_a_cosigned_checkpoint_is_shown_with_its_cosignature(audit: AuditHarness, sizes: list[int]) -> None:
    plain = await text(audit.gateway, f"{CHECKPOINT}?size={sizes[0]}", OPERATOR)
    stranger = Witness("stranger.example", bytes([9]) * 32)
    sent = WITNESS.cosigned(stranger.cosigned(plain))
    for _ in range(2):
        status, answer = await audit.gateway.call("POST", CHECKPOINT, OPERATOR, {"note": sent})
        assert (status, answer.decode()) == (200, WITNESS.cosigned(plain))
    assert await text(audit.gateway, f"{CHECKPOINT}?size={sizes[0]}", audit.people[0].token) == WITNESS.cosigned(plain)
    assert read_checkpoint(WITNESS.cosigned(plain), str(KEY.public)).size == sizes[0]


async def test_what_no_witness_has_signed_is_refused(audit: AuditHarness) -> None:
    plain = await text(audit.gateway, CHECKPOINT, OPERATOR)
    other = plain.replace("exemplar\n", "another\n", 1)
    line = WITNESS.line(other)
    for note in ("", "x", plain, plain + line, WITNESS.cosigned(other), plain + "x\n", "x" * 9000):
        status, body = await audit.gateway.call("POST", CHECKPOINT, OPERATOR, {"note": note})
        assert (status, body["code"]) == (422, "invalid_request"), note
    assert await text(audit.gateway, CHECKPOINT, OPERATOR) == plain


async def test_only_operators_add_cosignatures(audit: AuditHarness) -> None:
    for headers in (audit.auditor, audit.owners[0].token, audit.people[0].token):
        status, body = await audit.gateway.call("POST", CHECKPOINT, headers, {"note": "x"})
        assert (status, body["code"]) == (403, "forbidden")


async def test_a_log_that_contradicts_its_checkpoint_proves_nothing(audit: AuditHarness) -> None:
    entry, log = {"commit": f"generation-{audit.generations[0]}:1"}, audit.gateway.store.database["log"]
    original = await log.find_one(entry)
    assert original is not None
    await log.update_one(entry, {"$set": {"leaf": bytes(32)}})
    nearby = f"{PROOF}?event=generation-{audit.generations[0]}:2"
    status, body = await refusal(audit, nearby)
    assert (status, body["code"], body["detail"]) == (500, "damaged", "The log contradicts its checkpoints")
    await log.replace_one({"_id": original["_id"]}, original)
    await text(audit.gateway, nearby, audit.auditor)
