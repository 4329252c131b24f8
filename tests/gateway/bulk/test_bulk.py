"""Actions on many generations: a plan changes nothing, and its count is what is done, also over a killed process."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.accounts.access import Role
from domain.bulk import MOST_RUNNING, digest_of
from gateway.bulk.actions import BulkActions
from gateway.bulk.runner import BulkRunner
from tests.builders.generation import VALIDATED
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import ONE, GatewayHarness, Person
from tests.systems.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

Job = dict[str, Any]


async def people(gateway: GatewayHarness, tier: str = "internal") -> tuple[Person, dict[str, str], str]:
    """Make an end user; return them with their developer's headers and the path of bulk jobs."""
    person = await gateway.person(await gateway.owned_project(await gateway.owner(tier)))
    project = person.owned_project
    return person, project.owner.token, f"/api/v1/projects/{project.id}/bulk"


async def planned(gateway: GatewayHarness, headers: dict[str, str], path: str, **body: Any) -> Job:
    status, job = await gateway.call("POST", path, headers, body)
    assert status == 201, job
    assert job["state"] == "planned"
    return dict(job)


async def finished(gateway: GatewayHarness, headers: dict[str, str], path: str, job: Job) -> Job:
    """Start a job, run it to its end, and return it."""
    status, _ = await gateway.call("POST", f"{path}/{job['id']}/start", headers)
    assert status == 202
    await runner_of(gateway).run_once()

    async def rests() -> Job | None:  # the gateway's own runner may have claimed the job before
        shown = await read(gateway, headers, path, job)
        return shown if shown["state"] != "running" or shown["waiting_for"] else None

    return dict(await until(rests, "the job ends or rests"))


async def read(gateway: GatewayHarness, headers: dict[str, str], path: str, job: Job) -> Job:
    status, body = await gateway.get(f"{path}/{job['id']}", headers)
    assert status == 200
    return dict(body)


def runner_of(gateway: GatewayHarness, **replaced: Any) -> BulkRunner:
    """Make a runner as another process has one."""
    names = ("bulk_jobs", "events", "announce", "clock")
    kinds = {name: gateway.dependencies.get(name) for name in names}
    actions = gateway.dependencies.get("bulk_actions", kind=BulkActions)
    return BulkRunner(**{**kinds, "bulk_actions": actions, **replaced})


async def events_of(gateway: GatewayHarness, stream: str) -> Sequence[Any]:
    return [event for commit in await gateway.store.events.read(stream) for event in commit.events]


@pytest.mark.parametrize(
    ("action", "options", "event"),
    [
        ("cancel", {}, "generation.cancel_requested"),
        ("delete", {"reason": "not_needed", "case": "C-1"}, "generation.erased"),
        ("publish", {"is_public": True}, "generation.published"),
        ("retry", {"seed": "same"}, None),
        ("redeliver", {}, None),
    ],
)
async def test_a_plan_changes_nothing_and_its_count_is_what_is_done(
    gateway: GatewayHarness, action: str, options: dict[str, Any], event: str | None
) -> None:
    person, owner, path = await people(gateway)
    running = [await gateway.submit(person) for _ in range(2)]
    done = [await gateway.completed(person) for _ in range(3)]
    before = await gateway.store.database["commits"].count_documents({})
    job = await planned(gateway, owner, path, action=action, **options)
    assert await gateway.store.database["commits"].count_documents({}) == before
    expected = {"cancel": running, "redeliver": running, "publish": done, "retry": done, "delete": [*running, *done]}
    assert (job["selected"], sorted(job["sample"])) == (len(expected[action]), sorted(expected[action]))
    ended = await finished(gateway, owner, path, job)
    counts = tuple(ended[name] for name in ("state", "done", "changed", "unchanged", "failed"))
    assert counts == ("completed", job["selected"], job["selected"], 0, 0)
    if event is not None:
        last = [(await events_of(gateway, f"generation-{one}")) for one in expected[action]]
        assert all(event in [one.type for one in events] for events in last)
        assert {events[-1].cause.causation_id for events in last} == {ended["event"]}
    types = [one.type.removeprefix("operation.") for one in await events_of(gateway, f"operation-{job['id']}")]
    assert types == ["bulk_requested", *(["bulk_redelivered"] if action == "redeliver" else []), "bulk_ended"]


async def test_every_wrong_condition_is_named_and_no_value_of_metadata_is_kept(gateway: GatewayHarness) -> None:
    _, owner, path = await people(gateway)
    wrong = {"colour": "red", "status": "over", "created_after": "soon"}
    status, body = await gateway.call("POST", path, owner, {"action": "cancel", "seed": "same", "filter": wrong})
    named = ["filter.colour", "filter.status", "filter.created_after", "seed"]
    assert (status, [error["loc"][1] for error in body["errors"]]) == (422, named)
    job = await planned(
        gateway, owner, path, action="cancel", filter={"metadata.customer": "Smith", "state": "waiting"}
    )
    shown = await read(gateway, owner, path, job)
    assert shown["conditions"] == {"metadata": None, "state": "waiting"}
    kept = await gateway.store.database["bulk_jobs"].find_one({"_id": job["id"]})
    assert "Smith" not in str(kept)


async def test_a_filter_chooses(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    other = await gateway.person(person.owned_project)
    mine = [await gateway.submit(person) for _ in range(2)]
    await gateway.submit(other)
    job = await planned(gateway, owner, path, action="cancel", filter={"status": "pending"}, user_id=person.id)
    assert (job["filters"], job["selected"]) == (["status", "user_id"], 2)
    assert job["conditions"] == {"status": "pending", "user_id": person.id}
    none = await planned(gateway, owner, path, action="cancel", filter={"created_before": "2020-01-01T00:00:00Z"})
    assert none["selected"] == 0
    requested = await finished(gateway, owner, path, job)
    [event, _] = await events_of(gateway, f"operation-{job['id']}")
    assert event.event.digest == digest_of(list(reversed(mine)))
    assert (event.cause.actor, requested["state"]) == (f"developer:{person.owned_project.owner.id}", "completed")


async def test_a_killed_process_is_followed_by_another_that_does_nothing_twice(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    done = [await gateway.completed(person) for _ in range(20)]
    job = await planned(gateway, owner, path, action="retry")
    await gateway.call("POST", f"{path}/{job['id']}/start", owner)

    class Killed(BaseException): ...

    class DyingJobs:
        """Dies after the second page was done and before it is noted."""

        def __init__(self) -> None:
            self.notes = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(gateway.dependencies.get("bulk_jobs"), name)

        async def note(self, *args: Any) -> Any:
            self.notes += 1
            if self.notes > 1:
                raise Killed
            return await gateway.dependencies.get("bulk_jobs").note(*args)

    with pytest.raises(Killed):
        await runner_of(gateway, bulk_jobs=DyingJobs()).run_once()
    half = await read(gateway, owner, path, job)
    assert (half["state"], half["done"], half["changed"]) == ("running", 16, 16)
    survivor = runner_of(gateway)
    assert await survivor.run_once() is None, "the lease of the dead one has not run out"
    jobs = gateway.store.database["bulk_jobs"]
    await jobs.update_one({"_id": job["id"]}, [{"$set": {"lease_until": {"$subtract": ["$$NOW", 1]}}}])
    assert await survivor.run_once() == 4
    ended = await read(gateway, owner, path, job)
    assert (ended["state"], ended["changed"], ended["unchanged"], ended["failed"]) == ("completed", 20, 0, 0)
    made = await gateway.store.database["commits"].count_documents(
        {"stream": {"$regex": "^generation-"}, "project": person.owned_project.id, "first": 1}
    )
    assert made == 2 * len(done), "each was retried once"


async def test_a_limit_lets_a_job_rest_and_goes_on(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway, "free_starter")
    for _ in range(2):
        await gateway.completed(person)
    job = await planned(gateway, owner, path, action="retry")
    resting = await finished(gateway, owner, path, job)
    assert (resting["state"], resting["changed"], resting["failed"]) == ("running", 1, 0)
    assert resting["waiting_for"] == "generation_limit_exceeded"
    assert await runner_of(gateway).run_once() is None
    canceled = await gateway.call("DELETE", f"{path}/{job['id']}", owner)
    assert (canceled[0], canceled[1]["state"]) == (200, "canceled")
    assert (await gateway.call("POST", f"{path}/{job['id']}/start", owner))[0] == 409
    last = (await events_of(gateway, f"operation-{job['id']}"))[-1]
    assert (last.event.outcome, last.event.changed) == ("canceled", 1)


async def test_a_developer_has_a_largest_number_of_running_jobs(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    job = await planned(gateway, owner, path, action="cancel")
    developer, jobs = person.owned_project.owner.id, gateway.store.database["bulk_jobs"]
    running = {"developer": developer, "state": "running", "lease_until": datetime(2999, 1, 1, tzinfo=UTC)}
    resting = [{"_id": f"{developer}/{number}", **running} for number in range(MOST_RUNNING)]
    await jobs.insert_many(resting)
    status, refused = await gateway.call("POST", f"{path}/{job['id']}/start", owner)
    assert (status, refused["code"]) == (409, "bulk_limit_exceeded")
    await jobs.delete_one({"_id": resting[0]["_id"]})
    assert (await finished(gateway, owner, path, job))["state"] == "completed"


async def test_what_fails_is_counted_with_its_code(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    done = [await gateway.completed(person) for _ in range(2)]
    job = await planned(gateway, owner, path, action="retry")
    await gateway.call("DELETE", f"{ONE}/{done[0]}", person.headers)
    ended = await finished(gateway, owner, path, job)
    assert (ended["changed"], ended["failed"]) == (1, 1)
    assert ended["failures"] == [{"id": done[0], "code": "gone"}]


async def test_operators_act_on_any_project_and_others_on_none(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    job = await planned(gateway, owner, path, action="cancel")
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    assert (await gateway.get(f"{path}/{job['id']}", operator))[0] == 200
    _, listed = await gateway.get(path, owner)
    assert [one["id"] for one in listed["jobs"]] == [job["id"]]
    stranger, auditor = (await gateway.owner()).token, await gateway.staff(Role.AUDITOR)
    for headers, status in ((stranger, 404), (person.headers, 403), (auditor, 403)):
        assert (await gateway.get(f"{path}/{job['id']}", headers))[0] == status
        assert (await gateway.call("POST", path, headers, {"action": "cancel"}))[0] == status
    other = await gateway.owned_project(person.owned_project.owner)
    for method, action in (("GET", ""), ("POST", "/start"), ("DELETE", "")):
        status, _ = await gateway.call(method, f"/api/v1/projects/{other.id}/bulk/{job['id']}{action}", owner)
        assert status == 404, "it is a job of another project"


async def test_a_retry_has_the_seed_that_was_asked_for(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    original = await gateway.completed(person)
    seeds = []
    for seed in ("same", "new"):
        job = await planned(gateway, owner, path, action="retry", seed=seed, filter={"status": "completed"})
        await finished(gateway, owner, path, job)
        _, listed = await gateway.get(f"{ONE}?status=pending", person.token)
        [made] = [await gateway.generations.load(one["id"]) for one in listed["generations"] if one["id"] not in seeds]
        assert made is not None
        assert made.request.retry_of == original
        seeds += [made.id, made.request.seed]
    assert (seeds[1] == VALIDATED.seed, seeds[3] == VALIDATED.seed) == (True, False)


async def test_what_a_user_made_who_is_gone_is_not_retried(gateway: GatewayHarness) -> None:
    person, owner, path = await people(gateway)
    project, done = person.owned_project, await gateway.completed(person)
    job = await planned(gateway, owner, path, action="retry")
    await gateway.changes.delete_user(project.owner.id, project.id, person.id, cause=CAUSE)
    ended = await finished(gateway, owner, path, job)
    assert (ended["changed"], ended["failures"]) == (0, [{"id": done, "code": "not_found"}])


async def test_the_grounds_of_a_deletion_are_recorded_and_what_is_public_is_made_private(
    gateway: GatewayHarness,
) -> None:
    person, owner, path = await people(gateway)
    done = await gateway.completed(person)
    await gateway.call("PATCH", f"{ONE}/{done}/public", person.headers, {"is_public": True})
    for body in ({"action": "publish", "is_public": False}, {"action": "delete", "reason": "legal", "case": "C-1"}):
        ended = await finished(gateway, owner, path, await planned(gateway, owner, path, **body))
        assert (ended["selected"], ended["changed"]) == (1, 1)
    published, erased = (await events_of(gateway, f"generation-{done}"))[-2:]
    assert not published.event.is_public
    assert (erased.event.grounds.reason, erased.event.grounds.case) == ("legal", "C-1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "explode"}, "action"),
        ({"action": "delete"}, "reason"),
        ({"action": "cancel", "reason": "legal"}, "reason"),
        ({"action": "cancel", "filter": {"page": "2"}}, "filter.page"),
        ({"action": "cancel", "filter": {"status": "odd"}}, "filter.status"),
        ({"action": "cancel", "filter": {"created_after": "yesterday"}}, "filter.created_after"),
        ({"action": "cancel", "user_id": "me"}, "user_id"),
        ({"action": "publish", "seed": "new"}, "seed"),
        ({"action": "cancel", "dry_run": True}, "dry_run"),
    ],
)
async def test_what_is_not_known_is_refused_by_name(gateway: GatewayHarness, body: Any, field: str) -> None:
    _, owner, path = await people(gateway)
    status, answer = await gateway.call("POST", path, owner, body)
    assert status == 422, answer
    assert answer["detail"][0]["loc"] == ["body", field]
