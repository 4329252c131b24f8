"""Signing secrets: encrypted in the database, moved to the current master key, rotated, lost and replaced."""

import asyncio

import pytest
import standardwebhooks

from domain.errors import ExemplarError
from domain.webhooks.endpoint import default_endpoint
from domain.webhooks.master_keys import MasterKeys, SecretLostError
from domain.webhooks.retry_schedule import PAUSES
from tests.actors.webhooks.test_delivery import TO_COMPLETED
from tests.gateway.webhooks.api import open_api
from tests.systems.webhook_receiver import Receiver
from tests.systems.webhook_system import PROJECT, WebhookSystem
from tests.wiring import MASTER_KEY

SECOND = "the second master key of these tests"
BOTH, ONLY_SECOND = MasterKeys({1: MASTER_KEY, 2: SECOND}), MasterKeys({2: SECOND})
DEFAULT = default_endpoint(PROJECT)
SECRET_PATH = "/api/v1/webhooks/default/secret"


async def stored(system: WebhookSystem) -> str:
    """Return every secret document of the database as text."""
    collection = system.store.database.get_collection("webhook_secrets")
    return repr(await collection.find({}).to_list(None))


async def test_no_secret_can_be_read_from_the_database(system: WebhookSystem) -> None:
    endpoint, own = await system.register("https://example.com/hook")
    [default] = await system.webhook_secrets.signing(DEFAULT)
    rotated, _ = await system.webhook_secrets.rotate(endpoint)
    found = await stored(system)
    assert found.count("ciphertext") == 3
    for secret in (own, default, rotated):
        assert secret not in found
        assert secret.removeprefix("whsec_") not in found


async def test_a_default_secret_is_made_once_by_simultaneous_readers(system: WebhookSystem) -> None:
    seen = await asyncio.gather(*(system.webhook_secrets.signing(DEFAULT) for _ in range(8)))
    assert len({tuple(secrets) for secrets in seen}) == 1


async def test_reading_the_secret_of_an_unknown_endpoint_makes_none(system: WebhookSystem) -> None:
    with pytest.raises(SecretLostError):
        await system.webhook_secrets.signing("00000000-0000-4000-8000-000000000000")
    assert await stored(system) == "[]"


async def test_rotating_the_secret_of_a_removed_endpoint_makes_none(system: WebhookSystem) -> None:
    endpoint, _ = await system.register("https://example.com/hook")
    await system.webhook_secrets.erase(endpoint)
    with pytest.raises(ExemplarError, match="not_found"):
        await system.webhook_secrets.rotate(endpoint)
    assert await stored(system) == "[]"


async def test_secrets_stay_the_same_when_the_master_key_changes(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, secret = await system.register(receiver.url, ["generation.completed"])
    [default] = await system.webhook_secrets.signing(DEFAULT)
    both = system.with_master_keys(MasterKeys({1: MASTER_KEY, 2: SECOND}, 1))
    assert list(await both.signing(endpoint)) == [secret]
    moving = system.with_master_keys(BOTH)
    assert list(await moving.signing(endpoint)) == [secret]
    assert await moving.reencrypt() == 0
    alone = system.with_master_keys(ONLY_SECOND)
    assert list(await alone.signing(endpoint)) == [secret]
    assert list(await alone.signing(DEFAULT)) == [default]


async def test_an_overlapping_old_secret_is_reencrypted_too(system: WebhookSystem) -> None:
    endpoint, old = await system.register("https://example.com/hook")
    new, _ = await system.webhook_secrets.rotate(endpoint)
    assert await system.with_master_keys(BOTH).reencrypt() == 0
    assert list(await system.with_master_keys(ONLY_SECOND).signing(endpoint)) == [new, old]


async def test_a_lost_master_key_affects_only_endpoints_under_it(system: WebhookSystem, receiver: Receiver) -> None:
    lost, _ = await system.register(receiver.url, ["generation.completed"])
    system.master_keys = ONLY_SECOND
    good, secret = await system.register(receiver.url, ["generation.completed"])
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_due()
    [received] = receiver.requests
    standardwebhooks.Webhook(secret).verify(received.body, dict(received.headers))
    rows = {row.endpoint: row for row in await system.rows()}
    assert rows[good].state == "delivered"
    [attempt] = rows[lost].attempts
    assert (attempt.status, attempt.error, rows[lost].state) == (None, "secret", "pending")
    assert await system.webhook_secrets.reencrypt() == 1


async def test_a_lost_master_key_disables_no_endpoint_and_restoring_it_repairs_delivery(
    system: WebhookSystem, receiver: Receiver
) -> None:
    lost, _ = await system.register(receiver.url, ["generation.completed"])
    first_alone = system.master_keys
    system.master_keys = ONLY_SECOND
    system.sender()
    generations = [await system.request(*TO_COMPLETED)]
    await system.schedule(*generations)
    await system.deliver_all()
    [row] = await system.rows()
    assert (row.state, row.reason, len(row.attempts)) == ("failed", "exhausted", len(PAUSES))
    found = await system.registered(lost)
    assert (found.endpoint.disabled, found.failing_since) == (None, None)

    system.master_keys = first_alone
    system.senders = []
    await system.deliveries.resend(PROJECT, lost, row.id, system.clock.now)
    await system.deliver_due()
    assert receiver.types == ["completed"]


async def test_no_secret_ends_before_a_day_and_a_fourth_rotation_is_refused(
    system: WebhookSystem,
) -> None:
    async with open_api(system) as api:
        made = await api.create_endpoint("https://example.com/hook")
        paths = (f"{api.base}/{made['id']}/rotate", f"{SECRET_PATH}/rotate")
        name = {"X-Project-ID": api.tenant.project_id}
        first = (await api("GET", SECRET_PATH, **name)).body["key"]
        for path in paths:
            assert [(await api("POST", path, **name)).status for _ in range(3)] == [200] * 3
            response = await api("POST", path, **name)
            assert (response.status, response.body["code"]) == (409, "rotation_limit_exceeded")
        for endpoint, oldest in (
            (made["id"], made["secret"]),
            (default_endpoint(name["X-Project-ID"]), first),
        ):
            living = await system.webhook_secrets.signing(endpoint)
            assert (len(living), living[-1]) == (4, oldest)
        system.advance(hours=24)
        assert [(await api("POST", path, **name)).status for path in paths] == [200] * 2


async def test_lost_secrets_do_not_count_against_the_rotation_limit(system: WebhookSystem) -> None:
    endpoint, _ = await system.register("https://example.com/hook")
    for _ in range(3):
        await system.webhook_secrets.rotate(endpoint)
    system.master_keys = ONLY_SECOND
    fresh, _ = await system.webhook_secrets.rotate(endpoint)
    assert list(await system.webhook_secrets.signing(endpoint)) == [fresh]


async def test_rotation_replaces_a_lost_secret(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    system.master_keys = ONLY_SECOND
    with pytest.raises(SecretLostError, match="master key 1"):
        await system.webhook_secrets.signing(endpoint)
    fresh, _ = await system.webhook_secrets.rotate(endpoint)
    assert list(await system.webhook_secrets.signing(endpoint)) == [fresh]


async def test_the_api_reports_a_lost_default_secret_and_rotates_it(
    system: WebhookSystem,
) -> None:
    async with open_api(system) as api:
        project = api.tenant.project_id
        await system.with_master_keys(ONLY_SECOND).signing(default_endpoint(project))
        name = {"X-Project-ID": project}
        lost = await api("GET", SECRET_PATH, **name)
        assert (lost.status, lost.body["code"]) == (503, "webhook_secret_lost")
        rotated = await api("POST", f"{SECRET_PATH}/rotate", **name)
        assert (await api("GET", SECRET_PATH, **name)).body["key"] == rotated.body["key"]
