"""Access decisions of several requests are read for by one query."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from domain.accounts.access import Tenancy
from store.accounts.account_cache import LONGEST_SECONDS
from store.accounts.accounts import Accounts
from store.accounts.queries import Credentials
from store.mongo.connection import Database, Document
from tests.builders.clock import Monotonic
from tests.stores import OpenStore

NAMES = ("garden", "kitchen", "attic")


class Joins(CommandListener):
    """Count the queries that join accounts."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command_name == "aggregate"

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def joins() -> Joins:
    return Joins()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
async def accounts(mongodb_url: str, joins: Joins, monotonic: Monotonic) -> AsyncIterator[Accounts]:
    """Accounts with a project for each of the names, its developer and its one user."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongodb_url, tz_aware=True, event_listeners=[joins])
    database: Database = client.get_default_database("exemplar")
    store = OpenStore(database)
    store.account_cache.monotonic = monotonic
    for name in NAMES:
        await database["developers"].insert_one({"_id": f"d-{name}", "email": name, "active": True, "tier": "free"})
        await database["projects"].insert_one({"_id": name, "developer_id": f"d-{name}", "active": True})
        user = {"_id": f"u-{name}", "project_id": name, "email": name, "active": True}
        await database["users"].insert_one(user)
    yield store.accounts
    client.close()


def _named(name: str) -> Credentials:
    return Credentials(name, f"u-{name}")


def _ids(found: Tenancy | None) -> tuple[str, str, str | None] | None:
    return (found.project_id, found.developer.id, found.user.id if found.user else None) if found else None


async def test_each_of_several_gets_its_own_accounts_by_one_query(accounts: Accounts, joins: Joins) -> None:
    asked = [_named("garden"), _named("kitchen"), Credentials("nowhere"), Credentials("attic"), _named("garden")]
    found = await asyncio.gather(*map(accounts.credentials, asked))
    garden = ("garden", "d-garden", "u-garden")
    assert [*map(_ids, found)] == [
        garden,
        ("kitchen", "d-kitchen", "u-kitchen"),
        None,
        ("attic", "d-attic", None),
        garden,
    ]
    assert joins.count == 1


async def test_a_damaged_account_is_an_error_of_its_own(accounts: Accounts, mongodb_url: str) -> None:
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongodb_url)
    await client.get_default_database("exemplar")["users"].update_one({"_id": "u-attic"}, {"$unset": {"active": ""}})
    client.close()
    found = await asyncio.gather(*map(accounts.credentials, map(_named, NAMES)), return_exceptions=True)
    assert [isinstance(one, Tenancy) for one in found] == [True, True, False]
    assert isinstance(found[2], Exception)


async def test_a_user_whose_project_is_a_list_fails_nobody_else(accounts: Accounts, mongodb_url: str) -> None:
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongodb_url)
    users = client.get_default_database("exemplar")["users"]
    await users.update_one({"_id": "u-attic"}, {"$set": {"project_id": ["attic"]}})
    client.close()
    named = [f"u-{name}" for name in NAMES]
    found = await accounts.states.read(projects=NAMES, users=named, developers=(), key_hashes=())
    assert {user for _, user in found.users} == {"u-garden", "u-kitchen"}


async def test_what_is_used_is_read_again_with_another(accounts: Accounts, joins: Joins, monotonic: Monotonic) -> None:
    for name in NAMES:
        await accounts.credentials(_named(name))
    monotonic.now += LONGEST_SECONDS * 0.9
    assert accounts.known_credentials(_named("kitchen")) is not None
    joins.count = 0
    await accounts.credentials(_named("garden"))
    monotonic.now += LONGEST_SECONDS / 2
    assert [accounts.known_credentials(_named(name)) is not None for name in NAMES] == [True, True, False]
    assert joins.count == 1


async def test_what_expired_together_is_read_together(accounts: Accounts, joins: Joins, monotonic: Monotonic) -> None:
    await asyncio.gather(*(accounts.credentials(_named(name)) for name in NAMES))
    for name in NAMES:
        assert accounts.known_credentials(_named(name)) is not None
    monotonic.now += LONGEST_SECONDS * 1.1
    joins.count = 0
    for name in NAMES:
        if accounts.known_credentials(_named(name)) is None:
            await accounts.credentials(_named(name))
    assert joins.count == 1


async def test_what_was_read_along_with_another_is_excluded_by_a_change(
    accounts: Accounts, monotonic: Monotonic
) -> None:
    await accounts.credentials(_named("kitchen"))
    accounts.known_credentials(_named("kitchen"))
    monotonic.now += LONGEST_SECONDS * 0.9
    reading = asyncio.create_task(accounts.credentials(_named("garden")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    accounts._cache.changed("u-kitchen")
    await reading
    assert accounts.known_credentials(_named("kitchen")) is None
