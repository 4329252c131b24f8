"""Signing secrets: sealed where they are kept, moved to the present master key, missed only by their own."""

import asyncio

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.webhooks.delivery import PAUSES
from domain.webhooks.endpoint import default_endpoint
from domain.webhooks.master_keys import LostKeyError, MasterKeys, MasterKeySettings, Sealed
from store.webhooks.secrets import SecretLostError
from store.webhooks.webhooks import Webhooks
from tests.actors.webhooks.api import open_api
from tests.actors.webhooks.post_office import MASTER_KEY, PROJECT, PostOffice
from tests.actors.webhooks.receiver import Receiver
from tests.actors.webhooks.test_delivering import TO_COMPLETED

NEWER, OTHER = "the second master key of these tests", "a master key that was never there"
DEFAULT = default_endpoint(PROJECT)
SECRET_PATH = "/api/v1/webhooks/default/secret"


def under(administration: PostOffice, keys: MasterKeys) -> Webhooks:
    """Open the same store in a process with other master keys."""
    store = administration.store
    return Webhooks(
        store.events,
        store.outgoing,
        administration.settings,
        keys=keys,
        announce=lambda _: None,
        clock=administration.clock,
    )


async def kept(administration: PostOffice) -> str:
    """Write down everything that the database holds about secrets."""
    collection = administration.store.database.get_collection("webhook_secrets")
    return repr(await collection.find({}).to_list(None))


def fixed(size: int) -> bytes:
    return bytes(range(size))


@given(st.text(min_size=1), st.text())
def test_a_sealed_secret_opens_for_its_endpoint_alone(endpoint: str, secret: str) -> None:
    keys = MasterKeys({1: MASTER_KEY})
    sealed = keys.seal(endpoint, secret, fixed)
    assert keys.open(endpoint, sealed) == secret
    with pytest.raises(LostKeyError):
        keys.open(endpoint + "x", sealed)


@pytest.mark.parametrize("keys", [{2: NEWER}, {1: OTHER}], ids=["dropped", "another key"])
def test_without_its_master_key_a_secret_is_lost(keys: dict[int, str]) -> None:
    sealed = MasterKeys({1: MASTER_KEY}).seal("one", "whsec_x", fixed)
    with pytest.raises(LostKeyError, match="master key 1"):
        MasterKeys(keys).open("one", sealed)


def test_a_version_is_sealed_in() -> None:
    keys = MasterKeys({1: MASTER_KEY, 2: MASTER_KEY})
    sealed = keys.seal("one", "whsec_x", fixed)
    with pytest.raises(LostKeyError):
        keys.open("one", Sealed(1, sealed.nonce, sealed.box))


@pytest.mark.parametrize(
    ("keys", "current", "fault"),
    [
        ({}, None, "at least one is needed"),
        ({1: "short"}, None, "each of 32 bytes or more"),
        ({0: MASTER_KEY}, None, "versions from 1"),
        ({1: MASTER_KEY}, 2, "version 2 is to seal secrets"),
    ],
)
def test_wrong_master_keys_are_told_without_being_shown(
    keys: dict[int, str], current: int | None, fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault) as refused:
        MasterKeySettings.model_validate({"master_keys": keys, "master_key_current": current})
    assert MASTER_KEY not in str(refused.value)


async def test_no_secret_can_be_read_from_the_database(administration: PostOffice) -> None:
    endpoint, own = await administration.register("https://example.com/hook")
    [default] = await administration.webhooks.signing(DEFAULT)
    rotated, _ = await administration.webhooks.rotate(endpoint)
    found = await kept(administration)
    assert found.count("box") == 3
    for secret in (own, default, rotated):
        assert secret not in found
        assert secret.removeprefix("whsec_") not in found


async def test_a_default_secret_is_made_once_however_many_ask(administration: PostOffice) -> None:
    seen = await asyncio.gather(*(administration.webhooks.signing(DEFAULT) for _ in range(8)))
    assert len({tuple(secrets) for secrets in seen}) == 1


async def test_a_removed_endpoint_gets_no_secret_by_being_asked_for_it(administration: PostOffice) -> None:
    with pytest.raises(SecretLostError):
        await administration.webhooks.signing("00000000-0000-4000-8000-000000000000")
    assert await kept(administration) == "[]"


async def test_the_master_key_changes_and_no_receiver_notices(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, secret = await administration.register(receiver.url, ["generation.completed"])
    [default] = await administration.webhooks.signing(DEFAULT)
    both = under(administration, MasterKeys({1: MASTER_KEY, 2: NEWER}, 1))
    assert list(await both.signing(endpoint)) == [secret]
    moving = under(administration, MasterKeys({1: MASTER_KEY, 2: NEWER}))
    assert list(await moving.signing(endpoint)) == [secret]
    assert await moving.secrets.reseal() == 0
    alone = under(administration, MasterKeys({2: NEWER}))
    assert list(await alone.signing(endpoint)) == [secret]
    assert list(await alone.signing(DEFAULT)) == [default]


async def test_an_old_secret_that_still_overlaps_moves_too(administration: PostOffice) -> None:
    endpoint, old = await administration.register("https://example.com/hook")
    new, _ = await administration.webhooks.rotate(endpoint)
    assert await under(administration, MasterKeys({1: MASTER_KEY, 2: NEWER})).secrets.reseal() == 0
    assert list(await under(administration, MasterKeys({2: NEWER})).signing(endpoint)) == [new, old]


async def test_a_lost_master_key_fails_its_own_endpoints_and_no_other(
    administration: PostOffice, receiver: Receiver
) -> None:
    lost, _ = await administration.register(receiver.url, ["generation.completed"])
    administration.webhooks = under(administration, MasterKeys({2: NEWER}))
    good, secret = await administration.register(receiver.url, ["generation.completed"])
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work()
    [received] = receiver.requests
    standardwebhooks.Webhook(secret).verify(received.body, dict(received.headers))
    rows = {row.endpoint: row for row in await administration.rows()}
    assert rows[good].state == "delivered"
    [attempt] = rows[lost].attempts
    assert (attempt.status, attempt.error, rows[lost].state) == (None, "secret", "pending")
    assert await administration.webhooks.secrets.reseal() == 1


async def test_a_lost_master_key_disables_no_endpoint_and_one_that_comes_back_mends_it(
    administration: PostOffice, receiver: Receiver
) -> None:
    lost, _ = await administration.register(receiver.url, ["generation.completed"])
    there = administration.webhooks
    administration.webhooks = under(administration, MasterKeys({2: NEWER}))
    administration.sender()
    generations = [await administration.request(*TO_COMPLETED)]
    await administration.schedule(*generations)
    await administration.work_until_done()
    [row] = await administration.rows()
    assert (row.state, row.reason, len(row.attempts)) == ("failed", "exhausted", len(PAUSES))
    found = await administration.webhooks.rows.get(lost)
    assert found is not None
    assert (found.endpoint.disabled, found.failing_since) == (None, None)

    administration.webhooks = there
    administration.senders = []
    await administration.webhooks.deliveries.resend(PROJECT, lost, row.id, administration.clock.now)
    await administration.work()
    assert receiver.types == ["completed"]


async def test_no_secret_ends_before_its_day_is_over_and_a_fourth_rotation_waits(
    administration: PostOffice,
) -> None:
    async with open_api(administration) as api:
        made = await api.made("https://example.com/hook")
        paths = (f"{api.base}/{made['id']}/rotate", f"{SECRET_PATH}/rotate")
        name = {"X-Project-ID": api.tenant.project_id}
        first = (await api("GET", SECRET_PATH, **name)).body["key"]
        for path in paths:
            assert [(await api("POST", path, **name)).status for _ in range(3)] == [200] * 3
            told = await api("POST", path, **name)
            assert (told.status, told.body["code"]) == (409, "rotation_limit_exceeded")
        for endpoint, oldest in (
            (made["id"], made["secret"]),
            (default_endpoint(name["X-Project-ID"]), first),
        ):
            living = await administration.webhooks.signing(endpoint)
            assert (len(living), living[-1]) == (4, oldest)
        administration.forward(hours=24)
        assert [(await api("POST", path, **name)).status for path in paths] == [200] * 2


async def test_secrets_that_are_lost_do_not_keep_from_rotating(administration: PostOffice) -> None:
    endpoint, _ = await administration.register("https://example.com/hook")
    for _ in range(3):
        await administration.webhooks.rotate(endpoint)
    administration.webhooks = under(administration, MasterKeys({2: NEWER}))
    fresh, _ = await administration.webhooks.rotate(endpoint)
    assert list(await administration.webhooks.signing(endpoint)) == [fresh]


async def test_a_lost_secret_is_replaced_by_rotating(administration: PostOffice, receiver: Receiver) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.completed"])
    administration.webhooks = under(administration, MasterKeys({2: NEWER}))
    with pytest.raises(SecretLostError, match="master key 1"):
        await administration.webhooks.signing(endpoint)
    fresh, _ = await administration.webhooks.rotate(endpoint)
    assert list(await administration.webhooks.signing(endpoint)) == [fresh]


async def test_the_door_says_that_the_default_secret_is_lost_and_gives_a_new_one(
    administration: PostOffice,
) -> None:
    async with open_api(administration) as api:
        project = api.tenant.project_id
        await under(administration, MasterKeys({2: NEWER})).signing(default_endpoint(project))
        name = {"X-Project-ID": project}
        refused = await api("GET", SECRET_PATH, **name)
        assert (refused.status, refused.body["code"]) == (503, "webhook_secret_lost")
        rotated = await api("POST", f"{SECRET_PATH}/rotate", **name)
        assert (await api("GET", SECRET_PATH, **name)).body["key"] == rotated.body["key"]
