"""Retries, explanations of waiting generations, and deadlines of the client."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from multidict import CIMultiDict

from tests.builders import pictures
from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import ONE, Answer, Tenant, fetch, fresh_key, types
from tests.systems.waiting import until

SYSTEM = "solo"
PICTURE = pictures.jpeg("coffee.png", (160, 120))


async def retry(tenant: Tenant, generation: str, seed: object = None, **headers: str) -> Answer:
    url = f"{tenant.base_url}{ONE}/{generation}/retry"
    body = None if seed is None else {"seed": seed}
    sent = CIMultiDict({**tenant.headers, **headers})
    async with tenant.session.post(url, json=body, headers=sent) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


async def explained(tenant: Tenant, generation: str) -> dict[str, Any]:
    answer = await tenant.get(f"{ONE}/{generation}/explain")
    assert answer.status == 200, answer.data
    return dict(answer.body)


async def seed_of(tenant: Tenant, generation: str) -> int:
    events = await tenant.events(generation)
    return int(next(event["data"]["seed"] for event in events if event["type"] == "generation.validated"))


async def test_a_retry_creates_a_new_generation_from_the_stored_submission(tenant: Tenant) -> None:
    original = await tenant.accepted(PICTURE, pictures.photo("rocket.jpg"), seed=7, style="woodcut")
    before = await tenant.completed(original)

    same, new = await asyncio.gather(retry(tenant, original, "same"), retry(tenant, original))

    assert (same.status, new.status) == (202, 202)
    assert same.body["status"] == "pending"
    assert same.headers["Location"] == same.body["urls"]["status"]
    ids = [same.body["id"], new.body["id"]]
    assert len({original, *ids}) == 3
    for generation in ids:
        resource = await tenant.completed(generation)
        assert resource["retry_of"] == original
        assert resource["instructions"] == before["instructions"]
        assert len(resource["example_images"]) == 2
        copy = await tenant.get(resource["example_images"][0])
        assert copy.data == PICTURE
        [requested, *_] = await tenant.events(generation)
        assert requested["data"]["retry_of"] == original
    assert [await seed_of(tenant, one) for one in (original, ids[0])] == [7, 7]
    assert await seed_of(tenant, ids[1]) != 7
    after = await tenant.resource(original)
    assert (after["status"], after["retry_of"]) == ("completed", None)
    assert after["completed_at"] == before["completed_at"]


async def test_a_retry_outlives_its_original(tenant: Tenant) -> None:
    original = await tenant.accepted(PICTURE)
    await tenant.completed(original)
    key = fresh_key()
    first = await retry(tenant, original, **{"Idempotency-Key": key})
    await tenant.completed(first.body["id"])
    url = f"{tenant.base_url}{ONE}/{original}"
    async with tenant.session.delete(url, headers=tenant.headers) as answer:
        assert answer.status == 200

    again = await retry(tenant, original, **{"Idempotency-Key": key})
    fresh = await retry(tenant, original)

    assert (again.status, again.body["id"]) == (202, first.body["id"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (fresh.status, fresh.body["code"]) == (410, "gone")
    resource = await tenant.resource(first.body["id"])
    assert (await tenant.get(resource["example_images"][0])).data == PICTURE


async def test_one_idempotency_key_gives_one_retry(tenant: Tenant) -> None:
    original, other = [await tenant.accepted(PICTURE) for _ in range(2)]
    await asyncio.gather(tenant.completed(original), tenant.completed(other))
    key = {"Idempotency-Key": fresh_key()}

    answers = await asyncio.gather(*(retry(tenant, original, "same", **key) for _ in range(8)))

    assert {(answer.status, answer.body["id"]) for answer in answers} == {(202, answers[0].body["id"])}
    otherwise = [
        await retry(tenant, original, "new", **key),
        await retry(tenant, other, "same", **key),
        await tenant.submit(PICTURE, key=key["Idempotency-Key"]),
    ]
    assert {(one.status, one.body["code"]) for one in otherwise} == {(422, "idempotency_mismatch")}
    await tenant.completed(answers[0].body["id"])


async def test_a_retry_that_is_not_possible_is_refused_without_cost(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant("cloud_starter")
    other_tenant = await new_tenant()
    running = await tenant.spoiled(sandbox, latency_s=30)
    forgotten = await tenant.accepted(PICTURE)
    await tenant.completed(forgotten)
    async with system.open_store() as store:
        await store.blobs.erase(forgotten)
        system.stripped.add(forgotten)

    still, gone = await retry(tenant, running), await retry(tenant, forgotten)
    foreign, unknown = await retry(other_tenant, forgotten), await retry(tenant, "0" * 8)
    wrong = await retry(tenant, forgotten, "random")

    assert (still.status, still.body["code"]) == (409, "conflict")
    assert (gone.status, gone.body["code"]) == (410, "gone")
    assert (foreign.status, unknown.status) == (404, 404)
    assert foreign.body["detail"] == unknown.body["detail"]
    assert (wrong.status, wrong.body["detail"][0]["loc"]) == (422, ["body", "seed"])
    await cancelled(tenant, running)
    listed = (await tenant.get(ONE)).body["generations"]
    assert {one["id"] for one in listed} == {running, forgotten}


async def test_a_retry_needs_a_free_slot_and_the_keys_of_a_submission(
    new_tenant: MakeTenant, sandbox: SandboxClient
) -> None:
    tenant = await new_tenant("free_starter")
    original = await tenant.accepted(PICTURE)
    await tenant.completed(original)
    running = await tenant.spoiled(sandbox, latency_s=2)

    full = await retry(tenant, original)
    async with tenant.session.post(
        f"{tenant.base_url}{ONE}/{original}/retry", headers={"Authorization": tenant.headers["Authorization"]}
    ) as bare:
        assert bare.status == 403

    assert (full.status, full.body["code"]) == (429, "generation_limit_exceeded")
    assert int(full.headers["Retry-After"]) >= 1
    await tenant.completed(running)
    waited = await retry(tenant, original, Prefer="wait=30")
    assert (waited.status, waited.body["status"]) == (200, "completed")
    assert waited.headers["Preference-Applied"] == "wait=30"


async def test_a_retry_of_a_failed_generation_can_succeed(tenant: Tenant, sandbox: SandboxClient) -> None:
    failed = await tenant.spoiled(sandbox, outcome="failed")
    assert (await tenant.finished(failed))["failure"]["retryable"]
    again = await retry(tenant, failed, "same")
    resource = await tenant.completed(again.body["id"])
    assert resource["retry_of"] == failed
    assert await seed_of(tenant, failed) == await seed_of(tenant, resource["id"])


async def test_the_explanation_follows_a_generation_to_its_end(tenant: Tenant, sandbox: SandboxClient) -> None:
    running = await tenant.spoiled(sandbox, latency_s=6)
    await tenant.reaches(running, "started")
    work = await explained(tenant, running)
    throttled = await tenant.spoiled(sandbox, create="429", retry_after=4)
    await tenant.reaches(throttled, "waiting")
    pause = await explained(tenant, throttled)

    assert (pause["reason"], pause["attempt"], pause["state"]) == ("provider_throttle", 1, "waiting")
    since, following = (datetime.fromisoformat(pause[name]) for name in ("since", "next_try_at"))
    assert timedelta(seconds=2) < following - since <= timedelta(seconds=5)
    assert following < datetime.fromisoformat(pause["deadline"])
    assert (work["reason"], work["status"]) == ("provider", "processing")
    assert 0 <= work["percent"] <= 100
    assert "image model" in work["sentence"]
    assert running in work["slot_holders"]
    assert (work["position"], work["position_is_exact"]) == (0, True)
    assert work["provider_since"] <= work["since"]
    assert pause["provider_since"] is None

    await asyncio.gather(tenant.completed(throttled), tenant.completed(running))
    end = await explained(tenant, running)
    assert (end["reason"], end["sentence"]) == ("final", "It is completed.")
    assert (end["deadline"], end["next_try_at"], end["position"]) == (None, None, None)
    assert end["slot_holders"] == []


async def test_phases_add_up_to_the_total_and_the_cost_equals_the_log(tenant: Tenant, system: System) -> None:
    generation = await tenant.accepted(PICTURE)
    resource = await tenant.completed(generation)

    timings, cost = resource["timings"], resource["cost"]
    whole = datetime.fromisoformat(resource["completed_at"]) - datetime.fromisoformat(resource["created_at"])
    assert sum(timings["phases_ms"].values()) == timings["total_ms"] == whole // timedelta(milliseconds=1)
    assert timings["phases_ms"]["running"] >= 200
    recorded = [event for commit in await history(system, generation) for event in commit.events]
    done = next(event.event for event in recorded if event.type == "generation.completed").model_dump()
    assert cost["predict_seconds"] == done["predict_seconds"]
    assert cost["usd"] == cost["phases_usd"]["running"] == done["cost_microusd"] / 1_000_000
    assert cost["usd"] > 0


async def test_a_deadline_of_the_client_is_enforced(tenant: Tenant, sandbox: SandboxClient, system: System) -> None:
    hasty = replace(tenant, headers=CIMultiDict({**tenant.headers, "Cancel-After": "5s"}))
    generation = await hasty.spoiled(sandbox, latency_s=60)

    deadline = (await explained(hasty, generation))["deadline"]
    resource = await hasty.finished(generation, within=30)

    accepted, limit, ended = (
        datetime.fromisoformat(text) for text in (resource["created_at"], deadline, resource["completed_at"])
    )
    assert timedelta(seconds=3) < limit - accepted <= timedelta(seconds=5)
    assert limit <= ended < limit + timedelta(seconds=15)
    assert (resource["failure"]["code"], resource["failure"]["stage"]) == ("cancel_after", "deadline")
    assert types(await hasty.events(generation))[-1] == "failed"

    [made] = await sandbox.creations(generation)
    token = {"Authorization": f"Bearer {system.env['REPLICATE_API_TOKEN']}"}
    prediction = f"{system.sandbox_url}/v1/predictions/{made['prediction']}"

    async def let_go() -> bool:
        answer = await fetch(tenant.session, "", prediction, token)
        return bool(answer.body["status"] == "canceled")

    await until(let_go, "the prediction is canceled at the provider")


async def test_an_invalid_deadline_of_the_client_is_refused(tenant: Tenant) -> None:
    for text in ("soon", "4s", "36m", "1m30", "-5", ""):
        headers = CIMultiDict({**tenant.headers, "Cancel-After": text})
        answer = await replace(tenant, headers=headers).submit(PICTURE)
        assert (answer.status, answer.body["code"]) == (422, "invalid_request")
        assert answer.body["detail"][0]["loc"] == ["header", "Cancel-After"]


async def cancelled(tenant: Tenant, generation: str) -> None:
    async with tenant.session.post(f"{tenant.base_url}{ONE}/{generation}/cancel", headers=tenant.headers) as answer:
        assert answer.status in (200, 202)
    await tenant.finished(generation)
