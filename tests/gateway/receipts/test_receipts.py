"""Receipts as JSON: their owner, their developer and staff get them; what has none says why."""

import base64
import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from domain.accounts.access import Role
from domain.accounts.platform import PersonalDataGrant
from domain.receipts.check import check_receipt
from domain.receipts.receipt import AI_MADE
from gateway.receipts.settings import ReceiptSettings
from store.accounts.writes import NewPerson
from tests.builders.generation import MODEL
from tests.builders.receipts import RECEIPT_KEY
from tests.gateway.receipts.conftest import Receipts, passes, second_gateway
from tests.store.audit.conftest import KEY
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import ONE

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUDIT = "/api/v1/audit/generations"


async def test_the_owner_gets_a_receipt_that_passes_every_check(receipts: Receipts) -> None:
    name = await receipts.signed()
    text = await receipts.receipt(name)
    checks = passes(receipts.pictures[name], text)
    assert checks[-1].name == "personal data"
    assert receipts.person.mark in checks[-1].found
    receipt = json.loads(text)
    assert receipt["picture"]["sha256"] == sha256(receipts.pictures[name]).hexdigest()
    assert (receipt["generation"], receipt["model"], receipt["digital_source_type"]) == (name, MODEL, AI_MADE)
    assert receipt["cost"] == {"predict_seconds": 1.0, "microusd": 1}
    assert receipt["personal_data"]["examples"] == [sha256(receipts.gateway.picture).hexdigest()]


async def test_personal_data_are_left_out_when_they_are_declined(receipts: Receipts) -> None:
    name = await receipts.signed()
    text = await receipts.receipt(name, "?personal_data=false")
    assert passes(receipts.pictures[name], text)[-1].name == "event"
    assert json.loads(text)["personal_data"] is None
    assert receipts.person.mark not in text


async def test_the_receipt_stays_the_same_while_the_log_grows(receipts: Receipts) -> None:
    name = await receipts.signed()
    before = await receipts.fetch(f"{ONE}/{name}/receipt")
    await receipts.signed()
    after = await receipts.fetch(f"{ONE}/{name}/receipt")
    assert (await after.text(), after.headers["ETag"]) == (await before.text(), before.headers["ETag"])
    assert after.headers["Cache-Control"] == "private, no-cache"
    again = await receipts.fetch(
        f"{ONE}/{name}/receipt", {**receipts.person.token, "If-None-Match": before.headers["ETag"]}
    )
    assert (again.status, await again.read()) == (304, b"")


async def test_the_resource_links_to_its_receipt(receipts: Receipts) -> None:
    name = await receipts.completed()
    _, resource = await receipts.gateway.get(f"{ONE}/{name}", receipts.person.token)
    assert resource["urls"]["receipt"].endswith(f"{ONE}/{name}/receipt")


async def test_what_has_no_receipt_yet_says_when_to_ask_again(receipts: Receipts) -> None:
    running = await receipts.gateway.submit(receipts.person)
    unsigned = await receipts.completed()
    for name, detail in (
        (running, "The generation is not finished"),
        (unsigned, "The generation is under no checkpoint yet; one is made each minute"),
    ):
        answer = await receipts.fetch(f"{ONE}/{name}/receipt")
        body = await answer.json()
        assert (answer.status, body["code"], body["detail"]) == (409, "receipt_pending", detail)
        assert answer.headers["Retry-After"] == "60"
    await receipts.sign()
    passes(receipts.pictures[unsigned], await receipts.receipt(unsigned))


async def test_sealed_but_unsigned_is_pending_too(receipts: Receipts) -> None:
    name = await receipts.completed()
    while await receipts.gateway.store.sealed_log.seal():
        pass
    assert await receipts.refusal(f"{ONE}/{name}/receipt") == (409, "receipt_pending")


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("?number=1", (404, "not_found")),
        ("?number=99", (404, "not_found")),
        ("?number=100", (422, "invalid_request")),
        ("?number=-1", (422, "invalid_request")),
        ("?number=x", (422, "invalid_request")),
        ("?number=0&number=0", (422, "invalid_request")),
        ("?personal_data=perhaps", (422, "invalid_request")),
    ],
)
async def test_an_unknown_picture_and_an_odd_query_have_their_codes(
    receipts: Receipts, query: str, refused: tuple[int, str]
) -> None:
    name = await receipts.signed()
    assert await receipts.refusal(f"{ONE}/{name}/receipt{query}") == refused


async def test_a_picture_that_is_not_kept_any_more_is_gone(receipts: Receipts) -> None:
    name = await receipts.signed()
    await receipts.gateway.store.blobs.erase(name, kind="result")
    for path in (f"{ONE}/{name}/receipt", f"{ONE}/{name}/images/0?receipt=embedded"):
        assert await receipts.refusal(path) == (410, "gone")


async def test_without_personal_data_the_hashes_stay_and_older_receipts_stay_green(receipts: Receipts) -> None:
    name = await receipts.signed()
    older = await receipts.receipt(name)
    variant = await (await receipts.fetch(f"{ONE}/{name}/images/0?receipt=embedded")).read()
    await receipts.gateway.store.personal_data.erase(name)
    newer = await receipts.receipt(name)
    assert receipts.person.mark not in newer
    assert json.loads(newer)["request"] == json.loads(older)["request"]
    assert json.loads(newer)["personal_data"] is None
    for text in (older, newer):
        passes(receipts.pictures[name], text)
    passes(variant)


async def test_an_example_that_has_expired_leaves_its_salted_hash(receipts: Receipts) -> None:
    name = await receipts.signed()
    await receipts.gateway.store.blobs.erase(name, kind="example")
    text = await receipts.receipt(name)
    assert json.loads(text)["personal_data"]["examples"] == [None]
    assert "not all examples are kept" in passes(receipts.pictures[name], text)[-1].found


async def test_after_erasure_there_is_none_and_older_receipts_stay_green(receipts: Receipts) -> None:
    name = await receipts.signed()
    older = await receipts.receipt(name)
    status, _ = await receipts.gateway.call("DELETE", f"{ONE}/{name}", receipts.person.token)
    assert status == 200
    await receipts.sign()
    staff = await receipts.gateway.staff(Role.AUDITOR)
    assert await receipts.refusal(f"{ONE}/{name}/receipt") == (410, "gone")
    assert await receipts.refusal(f"{AUDIT}/{name}/receipt", staff) == (410, "gone")
    assert await receipts.refusal(f"{AUDIT}/{name}/receipt", receipts.stranger.owned_project.owner.token) == (
        404,
        "not_found",
    )
    passes(receipts.pictures[name], older)


async def test_a_receipt_of_somebody_else_looks_like_an_unknown_one(receipts: Receipts) -> None:
    name = await receipts.signed()
    unknown = f"{ONE}/00000000-0000-4000-8000-000000000000/receipt"
    stranger = receipts.stranger
    assert await receipts.refusal(f"{ONE}/{name}/receipt", stranger.token) == (404, "not_found")
    assert await receipts.refusal(unknown, stranger.token) == (404, "not_found")
    foreign = f"{AUDIT}/{name}/receipt"
    assert await receipts.refusal(foreign, stranger.owned_project.owner.token) == (404, "not_found")
    assert await receipts.refusal(foreign, stranger.token) == (403, "forbidden")
    assert await receipts.refusal(f"{ONE}/{name}/receipt", {}) == (401, "authorization_required")


async def test_the_developer_reads_receipts_of_their_users_with_personal_data(receipts: Receipts) -> None:
    name = await receipts.signed()
    developer = receipts.person.owned_project.owner.token
    plain = await receipts.fetch(f"{AUDIT}/{name}/receipt", developer)
    shown = await receipts.fetch(f"{AUDIT}/{name}/receipt?personal_data=true", developer)
    assert await plain.text() == await receipts.receipt(name, "?personal_data=false")
    assert await shown.text() == await receipts.receipt(name)
    assert (plain.headers["Cache-Control"], shown.headers["Cache-Control"]) == ("private, no-cache", "no-store")


async def granted(receipts: Receipts) -> tuple[str, dict[str, str]]:
    """Make an auditor with a grant to read personal data; return the id too."""
    gateway = receipts.gateway
    person = NewPerson(f"granted{next(gateway.numbers)}@example.com", gateway.password_hash)
    made = await gateway.store.platform_changes.create_staff(person, Role.AUDITOR, cause=CAUSE)
    grant = PersonalDataGrant(f"g-{made.id}", gateway.clock() + timedelta(hours=1), "complaint", None)
    await gateway.store.platform_changes.grant_access(made.id, grant, cause=CAUSE)
    return made.id, gateway.bearer(made.id, Role.AUDITOR)


async def test_staff_read_personal_data_with_a_grant_alone_and_are_recorded(receipts: Receipts) -> None:
    name = await receipts.signed()
    auditor = await receipts.gateway.staff(Role.AUDITOR)
    assert await (await receipts.fetch(f"{AUDIT}/{name}/receipt", auditor)).json()
    assert await receipts.refusal(f"{AUDIT}/{name}/receipt?personal_data=true", auditor) == (403, "grant_required")
    reader, headers = await granted(receipts)
    shown = await (await receipts.fetch(f"{AUDIT}/{name}/receipt?personal_data=true", headers)).json()
    assert receipts.person.mark in shown["personal_data"]["instructions"]
    [access] = await accesses(receipts, reader)
    assert (access["generation"], access["reason"]) == (name, "complaint")


async def accesses(receipts: Receipts, reader: str) -> list[Any]:
    commits = await receipts.gateway.store.events.read(f"access-{reader}")
    return [recorded.event.model_dump() for commit in commits for recorded in commit.events]


async def test_a_log_that_contradicts_its_checkpoint_gets_no_receipt(receipts: Receipts) -> None:
    name = await receipts.signed()
    log = receipts.gateway.store.database["log"]
    entry = {"commit": {"$regex": f"^generation-{name}"}}
    original = await log.find_one(entry)
    assert original is not None
    await log.update_one({"_id": original["_id"]}, {"$set": {"leaf": bytes(32)}})
    assert await receipts.refusal(f"{ONE}/{name}/receipt") == (500, "damaged")
    await log.replace_one({"_id": original["_id"]}, original)
    passes(receipts.pictures[name], await receipts.receipt(name))


async def fetched(receipts: Receipts, name: str, **settings: object) -> tuple[int, str]:
    """Read a receipt from a gateway with other keys."""
    chosen = ReceiptSettings.model_validate(settings)
    async with second_gateway(receipts, receipt_settings=chosen) as client:
        answer = await client.get(f"{ONE}/{name}/receipt", headers=receipts.person.token)
        return answer.status, await answer.text()


async def test_a_gateway_without_the_key_of_the_log_signs_with_its_own(receipts: Receipts) -> None:
    name = await receipts.signed()
    status, text = await fetched(receipts, name, receipt_key=base64.b64encode(bytes(range(1, 33))).decode())
    assert status == 200
    checks = [*check_receipt(receipts.pictures[name], [KEY.public, RECEIPT_KEY.public], text)]
    assert all(check.passed for check in checks), checks
    [*_, fault] = check_receipt(receipts.pictures[name], [KEY.public], text)
    assert (fault.name, fault.passed) == ("key", False)


async def test_a_gateway_without_any_key_makes_none(receipts: Receipts) -> None:
    name = await receipts.signed()
    status, text = await fetched(receipts, name)
    assert (status, json.loads(text)["code"]) == (404, "receipts_disabled")
