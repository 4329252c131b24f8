"""A provider that responds late, wrongly or not at all: no double charge, and every generation ends."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from events.invocation import InvocationRefused
from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import Tenant

SYSTEM = "solo"
MADE = ("drop_after_commit", "truncated", "version_null")
NOT_MADE = ("hang", "500", "html_502")


async def test_a_lost_or_damaged_create_response_never_leads_to_a_second_creation(
    tenant: Tenant, sandbox: SandboxClient
) -> None:
    called_back = [await tenant.spoiled(sandbox, create=create) for create in MADE]
    silent = [await tenant.spoiled(sandbox, create=create, webhook="lost") for create in MADE]

    generations = called_back + silent
    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    assert [len(await sandbox.creations(generation)) for generation in generations] == [1] * 6


async def test_a_call_that_created_nothing_is_repeated_after_the_search(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    generations = [await tenant.spoiled(sandbox, create=create) for create in NOT_MADE]

    await asyncio.gather(*(tenant.completed(generation) for generation in generations))
    for generation in generations:
        assert [creation["attempt"] for creation in await sandbox.creations(generation)] == [2]
        types = [event.type for commit in await history(system, generation) for event in commit.events]
        assert types.count("generation.invocation_lost") == 1


async def test_a_prediction_that_the_provider_aborts_at_once_fails_for_that_reason(
    tenant: Tenant, sandbox: SandboxClient
) -> None:
    resource = await tenant.finished(await tenant.spoiled(sandbox, create="aborted"))
    assert resource["failure"]["code"] == "provider_canceled"


async def test_a_throttling_provider_is_not_called_before_its_retry_after(
    tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    generation = await tenant.spoiled(sandbox, create="429", retry_after=3)
    waiting = await tenant.reaches(generation, "waiting")
    assert waiting["status"] == "pending"

    await tenant.completed(generation)
    (creation,) = await sandbox.creations(generation)
    assert await _rest(system, generation, creation) >= timedelta(seconds=3)
    assert creation["attempt"] == 2


@pytest.mark.parametrize("create", ["401", "402"])
async def test_a_refused_provider_account_opens_the_circuit_with_a_neutral_error(
    create: str, tenant: Tenant, sandbox: SandboxClient, system: System
) -> None:
    refused = await tenant.spoiled(sandbox, create=create)
    shown = await tenant.reaches(refused, "waiting")
    behind = await tenant.accepted()

    assert shown.pop("queue")["reason"] in (None, "provider_paused")
    for text in (str(shown).lower(), str(await tenant.events(refused)).lower()):
        assert not any(word in text for word in ("payment", "credit", "unauthorized", "token", "provider"))
    await asyncio.gather(*(tenant.completed(generation) for generation in (refused, behind)))
    for generation in (refused, behind):
        (creation,) = await sandbox.creations(generation)
        assert await _rest(system, refused, creation) >= timedelta(seconds=2), "the circuit was not open"


async def _rest(system: System, refused: str, creation: Mapping[str, Any]) -> timedelta:
    """Return the time from a generation's refusal to its next creation."""
    events = [event for commit in await history(system, refused) for event in commit.events]
    refusal = next(event for event in events if isinstance(event.event, InvocationRefused))
    # The refusal is recorded a little after it is received.
    return datetime.fromisoformat(creation["created_at"]) - refusal.time + timedelta(milliseconds=100)
