"""A provider that answers late, wrongly or not at all: nobody pays twice and everybody ends."""

import asyncio
from datetime import datetime, timedelta

import pytest

from events.generation import InvocationRefused
from tests.journeys.oracles import history
from tests.journeys.system import Sandbox, System, until
from tests.journeys.tenants import Tenant

SYSTEM = "solo"
MADE = ("drop_after_commit", "truncated", "version_null")
NOT_MADE = ("hang", "500", "html_502")


async def test_an_answer_that_got_lost_or_spoiled_never_leads_to_a_second_creation(
    tenant: Tenant, sandbox: Sandbox
) -> None:
    called_back = [await tenant.spoiled(sandbox, create=create) for create in MADE]
    silent = [await tenant.spoiled(sandbox, create=create, webhook="lost") for create in MADE]

    generations = called_back + silent
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    assert [len(await sandbox.creations(generation)) for generation in generations] == [1] * 6


async def test_a_call_that_made_nothing_is_made_again_after_the_search(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    generations = [await tenant.spoiled(sandbox, create=create) for create in NOT_MADE]

    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    for generation in generations:
        assert [creation["attempt"] for creation in await sandbox.creations(generation)] == [2]
        told = [event.type for commit in await history(system, generation) for event in commit.events]
        assert told.count("generation.invocation_lost") == 1


async def test_a_prediction_that_the_provider_aborts_at_once_fails_for_that_reason(
    tenant: Tenant, sandbox: Sandbox
) -> None:
    resource = await tenant.finished(await tenant.spoiled(sandbox, create="aborted"))
    assert resource["failure"]["code"] == "provider_canceled"


async def test_a_throttling_provider_is_not_asked_before_its_time(
    tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    generation = await tenant.spoiled(sandbox, create="429", retry_after=3)
    waiting = await tenant.reaches(generation, "waiting")
    assert waiting["status"] == "pending"

    await tenant.completed(generation)
    refused = await _refusal(system, generation)
    (creation,) = await sandbox.creations(generation)
    assert refused.retry_at is not None
    assert datetime.fromisoformat(creation["created_at"]) >= refused.retry_at
    assert creation["attempt"] == 2


@pytest.mark.parametrize("create", ["401", "402"])
async def test_a_refused_account_opens_the_circuit_and_tenants_see_neutral_words(
    create: str, tenant: Tenant, sandbox: Sandbox, system: System
) -> None:
    refused_one = await tenant.spoiled(sandbox, create=create)
    shown = await tenant.reaches(refused_one, "waiting")
    behind = await tenant.accepted()

    for text in (str(shown).lower(), str(await tenant.events(refused_one)).lower()):
        assert not any(word in text for word in ("payment", "credit", "unauthorized", "token", create))
    await asyncio.gather(*(tenant.completed(generation) for generation in (refused_one, behind)))
    refused = await _refusal(system, refused_one)
    assert refused.retry_at is not None
    for generation in (refused_one, behind):
        (creation,) = await sandbox.creations(generation)
        assert datetime.fromisoformat(creation["created_at"]) >= refused.retry_at - timedelta(milliseconds=1)


async def _refusal(system: System, generation: str) -> InvocationRefused:
    async def found() -> list[InvocationRefused]:
        events = [event.event for c in await history(system, generation) for event in c.events]
        return [event for event in events if isinstance(event, InvocationRefused)]

    refused: InvocationRefused = (await until(found, "the refusal is recorded"))[0]
    return refused
