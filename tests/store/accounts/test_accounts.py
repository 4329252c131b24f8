import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from domain.accounts.access import Claims, Role
from domain.accounts.developer import DEVELOPER_KEYS
from domain.errors import ErrorCode, ExemplarError
from events.envelope import Cause
from store.accounts.account_cache import AccountCache
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.queries import Credentials, UserQuery
from store.accounts.records import KeyRecord
from store.accounts.writes import NewKey, NewPerson
from store.errors import AlreadyExistsError, StoreUnavailableError
from store.mongo.connection import Database, open_database
from store.settings import StoreSettings
from tests.builders.clock import Clock
from tests.stores import OpenStore

CAUSE = Cause(actor="operator")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 1, 1, 12, tzinfo=UTC))


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    async with open_database(StoreSettings(mongodb_url=SecretStr(mongodb_url))) as database:
        yield database


@pytest.fixture
async def store(database: Database, clock: Clock) -> OpenStore:
    return OpenStore(database, clock=clock)


@pytest.fixture
def accounts(store: OpenStore) -> Accounts:
    return store.accounts


@pytest.fixture
def changes(store: OpenStore, clock: Clock) -> AccountChanges:
    return store.account_changes


async def developer(changes: AccountChanges, name: str = "dev") -> str:
    person = NewPerson(f"{name}@example.com", "hash", id=name)
    made = await changes.register_developer(person, tier="free_starter", cause=CAUSE)
    return made.id


async def project(changes: AccountChanges, developer_id: str, name: str = "garden") -> str:
    made = await changes.create_project(developer_id, name=name, limit=None, project_id=name, cause=CAUSE)
    return made.id


async def user(changes: AccountChanges, developer_id: str, project_id: str, name: str = "ada") -> str:
    person = NewPerson(f"{name}@example.com", "hash", name.title())
    made = await changes.register_user(developer_id, project_id, person, cause=CAUSE)
    return made.id


async def api_key(changes: AccountChanges, developer_id: str, project_id: str, key_hash: str = "1:p") -> KeyRecord:
    return await changes.create_key(developer_id, project_id, NewKey(key_hash, "pk_ppppp"), cause=CAUSE)


async def developer_key(changes: AccountChanges, developer_id: str, key_hash: str = "1:d") -> KeyRecord:
    return await changes.create_key(developer_id, None, NewKey(key_hash, "ak_ddddd"), cause=CAUSE)


async def test_repeated_creation_under_the_same_id_is_refused(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    await project(changes, "dev")
    key = NewKey("1:d", "ak_ddddd", id="key")
    await changes.create_key("dev", None, key, cause=CAUSE)
    with pytest.raises(AlreadyExistsError):
        await developer(changes)
    with pytest.raises(AlreadyExistsError):
        await project(changes, "dev")
    with pytest.raises(AlreadyExistsError):
        await changes.create_key("dev", None, key, cause=CAUSE)
    with pytest.raises(AlreadyExistsError):
        await developer_key(changes, "dev", "1:d")


async def test_an_address_belongs_to_one_developer_and_to_one_user_of_a_project(
    accounts: Accounts, changes: AccountChanges
) -> None:
    await developer(changes)
    for name in ("garden", "kitchen"):
        await user(changes, "dev", await project(changes, "dev", name))
    with pytest.raises(AlreadyExistsError):
        await user(changes, "dev", "garden")
    with pytest.raises(AlreadyExistsError):
        await changes.register_developer(NewPerson("dev@example.com", "x"), tier="internal", cause=CAUSE)


async def test_a_login_is_searched_among_developers_or_in_one_project(
    accounts: Accounts, changes: AccountChanges
) -> None:
    await developer(changes)
    await project(changes, "dev")
    ada = await user(changes, "dev", "garden")
    found = await accounts.find_login("ada@example.com", "garden")
    assert found is not None
    assert (found.id, found.role, found.project_id, found.active) == (ada, Role.END_USER, "garden", True)
    found = await accounts.find_login("dev@example.com", None)
    assert found is not None
    assert (found.id, found.role, found.project_id, found.active) == ("dev", Role.DEVELOPER, None, True)
    assert await accounts.find_login("ada@example.com", None) is None
    assert await accounts.find_login("dev@example.com", "garden") is None
    assert await accounts.find_login("ada@example.com", "another") is None


async def test_a_login_of_a_deleted_project_is_inactive(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    await user(changes, "dev", await project(changes, "dev"))
    await changes.delete_project("dev", "garden", cause=CAUSE)
    found = await accounts.find_login("ada@example.com", "garden")
    assert found is not None
    assert not found.active


async def test_credentials_are_read_together(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    await project(changes, "dev")
    ada = await user(changes, "dev", "garden")
    secret, public = await developer_key(changes, "dev"), await api_key(changes, "dev", "garden")
    found = await accounts.credentials(Credentials("garden", ada, ("2:x", "1:d"), ("1:p",)))
    assert found is not None
    assert (found.project_id, found.project_active, found.developer.id) == ("garden", True, "dev")
    assert found.tier == "free_starter"
    assert found.user is not None
    assert found.user.id == ada
    assert found.developer_key is not None
    assert found.developer_key.id == secret.id
    assert found.api_key is not None
    assert (found.api_key.id, found.api_key.project_id) == (public.id, "garden")


async def test_a_key_is_not_found_as_the_other_kind(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    await project(changes, "dev")
    await developer_key(changes, "dev")
    await api_key(changes, "dev", "garden")
    found = await accounts.credentials(Credentials("garden", None, ("1:p",), ("1:d",)))
    assert found is not None
    assert (found.developer_key, found.api_key) == (None, None)


async def test_a_user_of_another_project_is_not_found(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    await project(changes, "dev")
    bob = await user(changes, "dev", await project(changes, "dev", "kitchen"), "bob")
    found = await accounts.credentials(Credentials("garden", bob))
    assert found is not None
    assert found.user is None
    assert await accounts.user("garden", bob) is None
    assert await accounts.credentials(Credentials("nowhere", bob)) is None


async def test_a_revoked_key_is_inactive_at_the_next_read(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    await project(changes, "dev")
    key = await api_key(changes, "dev", "garden")
    await changes.revoke_key("dev", key.id, "garden", cause=CAUSE)
    found = await accounts.credentials(Credentials("garden", api_key_hashes=("1:p",)))
    assert found is not None
    assert found.api_key is not None
    assert not found.api_key.active
    with pytest.raises(ExemplarError, match="not_found"):
        await changes.revoke_key("dev", key.id, "garden", cause=CAUSE)


async def test_a_key_of_another_owner_cannot_be_revoked(accounts: Accounts, changes: AccountChanges) -> None:
    for name in ("dev", "eve"):
        await project(changes, await developer(changes, name), f"garden of {name}")
    secret, public = await developer_key(changes, "dev"), await api_key(changes, "dev", "garden of dev")
    for owner, key, project_id in (
        ("eve", secret.id, None),
        ("eve", public.id, "garden of dev"),
        ("eve", public.id, "garden of eve"),
        ("dev", public.id, None),
    ):
        with pytest.raises(ExemplarError, match="not_found"):
            await changes.revoke_key(owner, key, project_id, cause=CAUSE)
    assert [key.active for key in await accounts.keys.all_of("dev")] == [True]
    assert await accounts.keys.all_of("eve") == []


async def test_of_forty_concurrent_keys_ten_are_created(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    made = await asyncio.gather(*(developer_key(changes, "dev", f"1:{n}") for n in range(40)), return_exceptions=True)
    kept = [key for key in made if isinstance(key, KeyRecord)]
    assert len(kept) == DEVELOPER_KEYS
    refused = [error for error in made if isinstance(error, ExemplarError)]
    assert {error.code for error in refused} == {ErrorCode.KEY_LIMIT}
    assert len(kept) + len(refused) == 40
    await changes.revoke_key("dev", kept[3].id, cause=CAUSE)
    await developer_key(changes, "dev", "1:new")
    with pytest.raises(ExemplarError, match="Maximum of 10 active developer keys"):
        await developer_key(changes, "dev", "1:more")
    assert len(await accounts.keys.all_of("dev")) == 11


async def test_of_twelve_concurrent_projects_the_limit_is_created(accounts: Accounts, changes: AccountChanges) -> None:
    await developer(changes)
    made = await asyncio.gather(
        *(changes.create_project("dev", name=str(n), limit=3, cause=CAUSE) for n in range(12)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, ExemplarError) for one in made) == 9
    first = (await accounts.projects("dev"))[0]
    await changes.delete_project("dev", first.id, cause=CAUSE)
    await changes.create_project("dev", name="another", limit=3, cause=CAUSE)
    counted = await accounts.count_projects("dev")
    assert (counted.total, counted.active) == (4, 3)


async def test_a_downgraded_developer_keeps_projects_and_creates_no_more(
    accounts: Accounts, changes: AccountChanges
) -> None:
    await developer(changes)
    for name in "abcde":
        await project(changes, "dev", name)
    with pytest.raises(ExemplarError, match="Maximum of 3 projects"):
        await changes.create_project("dev", name="f", limit=3, cause=CAUSE)
    assert len(await accounts.projects("dev")) == 5


async def test_a_project_of_another_developer_is_not_found(accounts: Accounts, changes: AccountChanges) -> None:
    await project(changes, await developer(changes))
    await developer(changes, "eve")
    assert await accounts.project("eve", "garden") is None
    with pytest.raises(ExemplarError, match="not_found"):
        await changes.update_project("eve", "garden", {"name": "mine"}, cause=CAUSE)
    with pytest.raises(ExemplarError, match="not_found"):
        await changes.delete_project("eve", "garden", cause=CAUSE)
    assert await accounts.projects("eve") == []
    assert [kept.name for kept in await accounts.projects("dev")] == ["garden"]


async def test_a_changed_project_has_the_time_of_the_change(
    accounts: Accounts, changes: AccountChanges, clock: Clock
) -> None:
    await project(changes, await developer(changes))
    clock.now += timedelta(days=1)
    changed = await changes.update_project("dev", "garden", {"description": "roses"}, cause=CAUSE)
    assert (changed.name, changed.description, changed.updated_at) == ("garden", "roses", clock.now)


async def test_a_deleted_project_is_not_found(accounts: Accounts, changes: AccountChanges) -> None:
    await project(changes, await developer(changes))
    await changes.delete_project("dev", "garden", cause=CAUSE)
    with pytest.raises(ExemplarError, match="not_found"):
        await changes.delete_project("dev", "garden", cause=CAUSE)
    assert await accounts.project("dev", "garden") is None
    assert await accounts.projects("dev") == []
    found = await accounts.credentials(Credentials("garden"))
    assert found is not None
    assert not found.project_active


async def test_users_are_listed_by_page_search_and_project(
    accounts: Accounts, changes: AccountChanges, clock: Clock
) -> None:
    await developer(changes)
    for name in ("garden", "kitchen"):
        await project(changes, "dev", name)
        for number in range(3):
            clock.now += timedelta(seconds=1)
            await user(changes, "dev", name, f"{name}.{number}")

    async def names(projects: list[str], query: UserQuery) -> tuple[list[str], int]:
        users, total = await accounts.users("dev", projects, query)
        return [one.email.partition("@")[0] for one in users], total

    both = ["garden", "kitchen"]
    assert await names(["garden"], UserQuery()) == (["garden.2", "garden.1", "garden.0"], 3)
    assert await names(both, UserQuery(page=2, page_size=4)) == (["garden.1", "garden.0"], 6)
    assert await names(both, UserQuery(search="KITCHEN.1")) == (["kitchen.1"], 1)
    assert await names(both, UserQuery(search=".*")) == ([], 0)
    assert await names(both, UserQuery(active=False)) == ([], 0)
    assert await accounts.users("eve", both, UserQuery()) == ([], 0)
    assert (await accounts.count_users("dev", both, UserQuery(search="garden"))).total == 3


async def test_the_use_of_a_key_is_recorded_once_a_minute(
    accounts: Accounts, changes: AccountChanges, clock: Clock, database: Database
) -> None:
    await project(changes, await developer(changes))
    await api_key(changes, "dev", "garden")

    async def use() -> datetime | None:
        found = await accounts.credentials(Credentials("garden", api_key_hashes=("1:p",)))
        assert found is not None
        for key in (found.developer_key, found.api_key, found.api_key):
            accounts.keys.use.note(key)
        await accounts.settle()
        return (await accounts.keys.all_of("dev", "garden"))[0].last_used_at

    began = clock.now
    assert await use() == began
    clock.now += timedelta(seconds=59)
    assert await use() == began
    clock.now += timedelta(seconds=2)
    assert await use() == clock.now


async def test_a_second_use_of_a_refresh_token_ends_its_family(accounts: Accounts, clock: Clock) -> None:
    sessions, until = accounts.sessions, clock.now + timedelta(days=7)
    await sessions.open("s", subject="ada", token_id="1", expires_at=until)
    assert await sessions.rotate("s", subject="ada", used="1", following="2", expires_at=until)
    assert not await sessions.rotate("s", subject="ada", used="1", following="3", expires_at=until)
    assert not await sessions.rotate("s", subject="ada", used="2", following="4", expires_at=until)


async def test_one_of_concurrent_uses_of_a_refresh_token_succeeds(accounts: Accounts, clock: Clock) -> None:
    sessions, until = accounts.sessions, clock.now + timedelta(days=7)
    await sessions.open("s", subject="ada", token_id="1", expires_at=until)
    won = await asyncio.gather(
        *(sessions.rotate("s", subject="ada", used="1", following=f"2.{n}", expires_at=until) for n in range(8))
    )
    assert sum(won) == 1
    assert not await sessions.rotate("s", subject="ada", used="2.0", following="3", expires_at=until)


async def test_another_subject_can_neither_use_nor_end_a_family(accounts: Accounts, clock: Clock) -> None:
    sessions, until = accounts.sessions, clock.now + timedelta(days=7)
    await sessions.open("s", subject="ada", token_id="1", expires_at=until)
    assert not await sessions.rotate("s", subject="eve", used="1", following="2", expires_at=until)
    assert await sessions.rotate("s", subject="ada", used="1", following="2", expires_at=until)


async def test_login_attempts_are_counted_in_a_window(accounts: Accounts, clock: Clock) -> None:
    window = timedelta(minutes=5)

    async def attempt(name: str = "ada") -> tuple[int, datetime]:
        counted = await accounts.sessions.count_attempt(name, now=clock.now, window=window)
        return counted.count, counted.until

    until = clock.now + window
    assert [await attempt() for _ in range(3)] == [(1, until), (2, until), (3, until)]
    assert await attempt("eve") == (1, until)
    clock.now += window
    assert await attempt() == (1, clock.now + window)
    await accounts.sessions.delete_attempts("ada")
    assert (await attempt())[0] == 1


@pytest.mark.parametrize("role", [Role.END_USER, Role.DEVELOPER])
async def test_an_ended_session_is_stored_until_its_tokens_expire(
    accounts: Accounts, changes: AccountChanges, clock: Clock, role: Role
) -> None:
    await project(changes, await developer(changes))
    ada = await user(changes, "dev", "garden")
    owner, project_id = (ada, "garden") if role is Role.END_USER else ("dev", None)

    async def ended() -> set[str]:
        found = await accounts.credentials(Credentials("garden", ada))
        assert found is not None
        state = found.user if role is Role.END_USER else found.developer
        assert state is not None
        return set(state.ended_sessions)

    claims = Claims(owner, role, project_id, "s1", "t", clock.now)
    for session in ("s1", "s2"):
        until = clock.now + timedelta(days=7)
        await accounts.end_session(claims.role, claims.subject, claims.project_id, session, until)
    assert await ended() == {"s1", "s2"}
    clock.now += timedelta(days=8)
    await accounts.end_session(role, owner, project_id, "s3", clock.now + timedelta(days=7))
    assert await ended() == {"s3"}


async def test_every_query_of_the_request_path_uses_an_index(
    accounts: Accounts, changes: AccountChanges, database: Database
) -> None:
    await project(changes, await developer(changes))
    queries = {
        "keys": {"kind": "project", "hash": {"$in": ["1:p", "2:p"]}},
        "users": {"project_id": "garden", "email": "ada@example.com"},
        "developers": {"email": "dev@example.com"},
        "projects": {"developer_id": "dev", "active": True},
    }
    for collection, query in queries.items():
        plan = await database[collection].find(query).explain()
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"]), collection


async def test_an_unreachable_store_raises_an_error() -> None:
    settings = StoreSettings(mongodb_url=SecretStr("mongodb://127.0.0.1:9/none?replicaSet=rs0"), mongodb_timeout_ms=100)
    async with open_database(settings) as database:
        with pytest.raises(StoreUnavailableError):
            await Accounts(database, Clock(), AccountCache()).credentials(Credentials("garden"))


async def test_the_repr_of_records_contains_no_personal_data(accounts: Accounts, changes: AccountChanges) -> None:
    await project(changes, await developer(changes))
    ada = await user(changes, "dev", "garden")
    records = [
        await accounts.user("garden", ada),
        await accounts.developer("dev"),
        await accounts.find_login("ada@example.com", "garden"),
    ]
    assert "example.com" not in repr(records)
    assert "Ada" not in repr(records)
    assert "hash" not in repr(records).replace("password_hash", "")
