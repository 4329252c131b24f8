import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from domain.access import Claims, Role
from store.account_keys import DEVELOPER_KEYS
from store.account_queries import UserQuery
from store.account_records import KeyRecord
from store.account_slots import AlreadyExistsError, LimitReachedError
from store.accounts import Accounts
from store.errors import StoreUnavailableError
from store.mongo.connection import Database, open_client, open_database
from store.settings import StoreSettings


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    settings = StoreSettings(mongodb_url=SecretStr(mongodb_url))
    client = open_client(settings)
    yield open_database(client, settings)
    client.close()


@pytest.fixture
async def accounts(database: Database, clock: Clock) -> Accounts:
    accounts = Accounts(database, clock)
    await accounts.ensure_indexes()
    return accounts


async def developer(accounts: Accounts, name: str = "dev") -> str:
    made = await accounts.create_developer(
        email=f"{name}@example.com", password_hash="hash", tier="free_starter", developer_id=name
    )
    return made.id


async def project(accounts: Accounts, developer_id: str, name: str = "garden") -> str:
    made = await accounts.create_project(developer_id, name=name, limit=None, project_id=name)
    return made.id


async def user(accounts: Accounts, developer_id: str, project_id: str, name: str = "ada") -> str:
    made = await accounts.create_user(
        developer_id, project_id, email=f"{name}@example.com", password_hash="hash", full_name=name.title()
    )
    return made.id


async def api_key(accounts: Accounts, developer_id: str, project_id: str, key_hash: str = "1:p") -> KeyRecord:
    return await accounts.keys.create_api_key(developer_id, project_id, key_hash=key_hash, prefix="pk_ppppp")


async def developer_key(accounts: Accounts, developer_id: str, key_hash: str = "1:d") -> KeyRecord:
    return await accounts.keys.create_developer_key(developer_id, key_hash=key_hash, prefix="ak_ddddd")


async def test_a_restart_finds_what_it_made(accounts: Accounts) -> None:
    await developer(accounts)
    await project(accounts, "dev")
    await accounts.keys.create_developer_key("dev", key_hash="1:d", prefix="ak_ddddd", key_id="key")
    with pytest.raises(AlreadyExistsError):
        await developer(accounts)
    with pytest.raises(AlreadyExistsError):
        await accounts.create_project("dev", name="garden", limit=1, project_id="garden")
    with pytest.raises(AlreadyExistsError):
        await accounts.keys.create_developer_key("dev", key_hash="1:d", prefix="ak_ddddd", key_id="key")
    with pytest.raises(AlreadyExistsError):
        await developer_key(accounts, "dev", "1:d")


async def test_an_address_belongs_to_one_developer_and_to_one_user_of_a_project(accounts: Accounts) -> None:
    await developer(accounts)
    for name in ("garden", "kitchen"):
        await user(accounts, "dev", await project(accounts, "dev", name))
    with pytest.raises(AlreadyExistsError):
        await user(accounts, "dev", "garden")
    with pytest.raises(AlreadyExistsError):
        await accounts.create_developer(email="dev@example.com", password_hash="x", tier="internal")


async def test_a_login_is_looked_for_among_developers_or_in_one_project(accounts: Accounts) -> None:
    await developer(accounts)
    await project(accounts, "dev")
    ada = await user(accounts, "dev", "garden")
    found = await accounts.find_login("ada@example.com", "garden")
    assert found is not None
    assert (found.id, found.role, found.project_id, found.active) == (ada, Role.END_USER, "garden", True)
    found = await accounts.find_login("dev@example.com", None)
    assert found is not None
    assert (found.id, found.role, found.project_id, found.active) == ("dev", Role.DEVELOPER, None, True)
    assert await accounts.find_login("ada@example.com", None) is None
    assert await accounts.find_login("dev@example.com", "garden") is None
    assert await accounts.find_login("ada@example.com", "another") is None


async def test_nobody_logs_into_a_deleted_project(accounts: Accounts) -> None:
    await developer(accounts)
    await user(accounts, "dev", await project(accounts, "dev"))
    assert await accounts.delete_project("dev", "garden")
    found = await accounts.find_login("ada@example.com", "garden")
    assert found is not None
    assert not found.active


async def test_all_that_an_access_decision_needs_is_read_at_once(accounts: Accounts) -> None:
    await developer(accounts)
    await project(accounts, "dev")
    ada = await user(accounts, "dev", "garden")
    secret, public = await developer_key(accounts, "dev"), await api_key(accounts, "dev", "garden")
    found = await accounts.credentials(
        "garden", user_id=ada, developer_key_hashes=["2:x", "1:d"], api_key_hashes=["1:p"]
    )
    assert found is not None
    assert (found.project_id, found.project_active, found.developer.id) == ("garden", True, "dev")
    assert found.tier == "free_starter"
    assert found.user is not None
    assert found.user.id == ada
    assert found.developer_key is not None
    assert found.developer_key.id == secret.id
    assert found.api_key is not None
    assert (found.api_key.id, found.api_key.project_id) == (public.id, "garden")


async def test_a_key_is_not_found_in_the_place_of_the_other_kind(accounts: Accounts) -> None:
    await developer(accounts)
    await project(accounts, "dev")
    await developer_key(accounts, "dev")
    await api_key(accounts, "dev", "garden")
    found = await accounts.credentials("garden", developer_key_hashes=["1:p"], api_key_hashes=["1:d"])
    assert found is not None
    assert (found.developer_key, found.api_key) == (None, None)


async def test_a_user_of_another_project_is_not_found_in_this_one(accounts: Accounts) -> None:
    await developer(accounts)
    await project(accounts, "dev")
    bob = await user(accounts, "dev", await project(accounts, "dev", "kitchen"), "bob")
    found = await accounts.credentials("garden", user_id=bob)
    assert found is not None
    assert found.user is None
    assert await accounts.user("garden", bob) is None
    assert await accounts.credentials("nowhere", user_id=bob) is None


async def test_a_revoked_key_is_revoked_at_the_next_look(accounts: Accounts) -> None:
    await developer(accounts)
    await project(accounts, "dev")
    key = await api_key(accounts, "dev", "garden")
    assert await accounts.keys.revoke("dev", key.id, "garden")
    found = await accounts.credentials("garden", api_key_hashes=["1:p"])
    assert found is not None
    assert found.api_key is not None
    assert not found.api_key.active
    assert not await accounts.keys.revoke("dev", key.id, "garden")


async def test_nobody_revokes_the_key_of_another(accounts: Accounts) -> None:
    for name in ("dev", "eve"):
        await project(accounts, await developer(accounts, name), f"garden of {name}")
    secret, public = await developer_key(accounts, "dev"), await api_key(accounts, "dev", "garden of dev")
    assert not await accounts.keys.revoke("eve", secret.id)
    assert not await accounts.keys.revoke("eve", public.id, "garden of dev")
    assert not await accounts.keys.revoke("eve", public.id, "garden of eve")
    assert not await accounts.keys.revoke("dev", public.id)
    assert [key.active for key in await accounts.keys.all_of("dev")] == [True]
    assert await accounts.keys.all_of("eve") == []


async def test_of_forty_keys_made_at_once_ten_are_kept(accounts: Accounts) -> None:
    await developer(accounts)
    made = await asyncio.gather(
        *(developer_key(accounts, "dev", f"1:{n}") for n in range(40)), return_exceptions=True
    )
    kept = [key for key in made if isinstance(key, KeyRecord)]
    assert len(kept) == DEVELOPER_KEYS
    assert all(isinstance(key, KeyRecord | LimitReachedError) for key in made)
    assert await accounts.keys.revoke("dev", kept[3].id)
    await developer_key(accounts, "dev", "1:new")
    with pytest.raises(LimitReachedError):
        await developer_key(accounts, "dev", "1:more")
    assert len(await accounts.keys.all_of("dev")) == 11


async def test_of_twelve_projects_made_at_once_the_tiers_number_is_kept(accounts: Accounts) -> None:
    await developer(accounts)
    made = await asyncio.gather(
        *(accounts.create_project("dev", name=str(n), limit=3) for n in range(12)), return_exceptions=True
    )
    assert sum(isinstance(one, LimitReachedError) for one in made) == 9
    first = (await accounts.projects("dev"))[0]
    assert await accounts.delete_project("dev", first.id)
    await accounts.create_project("dev", name="another", limit=3)
    counted = await accounts.count_projects("dev")
    assert (counted.total, counted.active) == (4, 3)


async def test_a_downgraded_developer_keeps_his_projects_but_makes_no_more(accounts: Accounts) -> None:
    await developer(accounts)
    for name in "abcde":
        await accounts.create_project("dev", name=name, limit=None)
    with pytest.raises(LimitReachedError):
        await accounts.create_project("dev", name="f", limit=3)
    assert len(await accounts.projects("dev")) == 5


async def test_a_project_is_its_developers_alone(accounts: Accounts) -> None:
    await project(accounts, await developer(accounts))
    await developer(accounts, "eve")
    assert await accounts.project("eve", "garden") is None
    assert await accounts.update_project("eve", "garden", {"name": "mine"}) is None
    assert not await accounts.delete_project("eve", "garden")
    assert await accounts.projects("eve") == []
    assert [kept.name for kept in await accounts.projects("dev")] == ["garden"]


async def test_a_changed_project_says_when(accounts: Accounts, clock: Clock) -> None:
    await project(accounts, await developer(accounts))
    clock.now += timedelta(days=1)
    changed = await accounts.update_project("dev", "garden", {"description": "roses"})
    assert changed is not None
    assert (changed.name, changed.description, changed.updated_at) == ("garden", "roses", clock.now)


async def test_a_deleted_project_is_gone(accounts: Accounts) -> None:
    await project(accounts, await developer(accounts))
    assert await accounts.delete_project("dev", "garden")
    assert not await accounts.delete_project("dev", "garden")
    assert await accounts.project("dev", "garden") is None
    assert await accounts.projects("dev") == []
    found = await accounts.credentials("garden")
    assert found is not None
    assert not found.project_active


async def test_users_are_listed_by_page_search_and_project(accounts: Accounts, clock: Clock) -> None:
    await developer(accounts)
    for name in ("garden", "kitchen"):
        await project(accounts, "dev", name)
        for number in range(3):
            clock.now += timedelta(seconds=1)
            await user(accounts, "dev", name, f"{name}.{number}")

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


async def test_the_use_of_a_key_is_noted_once_a_minute(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    await project(accounts, await developer(accounts))
    await api_key(accounts, "dev", "garden")

    async def use() -> datetime | None:
        found = await accounts.credentials("garden", api_key_hashes=["1:p"])
        assert found is not None
        accounts.keys.note_use(found.developer_key, found.api_key, found.api_key)
        await accounts.keys.settle()
        return (await accounts.keys.all_of("dev", "garden"))[0].last_used_at

    began = clock.now
    assert await use() == began
    clock.now += timedelta(seconds=59)
    assert await use() == began
    clock.now += timedelta(seconds=2)
    assert await use() == clock.now


async def test_a_refresh_token_works_once_and_its_second_use_ends_the_family(
    accounts: Accounts, clock: Clock
) -> None:
    sessions, until = accounts.sessions, clock.now + timedelta(days=7)
    await sessions.open("s", subject="ada", token_id="1", expires_at=until)
    assert await sessions.rotate("s", subject="ada", used="1", following="2", expires_at=until)
    assert not await sessions.rotate("s", subject="ada", used="1", following="3", expires_at=until)
    assert not await sessions.rotate("s", subject="ada", used="2", following="4", expires_at=until)


async def test_of_two_who_use_a_refresh_token_at_once_one_wins(accounts: Accounts, clock: Clock) -> None:
    sessions, until = accounts.sessions, clock.now + timedelta(days=7)
    await sessions.open("s", subject="ada", token_id="1", expires_at=until)
    won = await asyncio.gather(
        *(
            sessions.rotate("s", subject="ada", used="1", following=f"2.{n}", expires_at=until)
            for n in range(8)
        )
    )
    assert sum(won) == 1
    assert not await sessions.rotate("s", subject="ada", used="2.0", following="3", expires_at=until)


async def test_another_subject_neither_uses_nor_ends_a_family(accounts: Accounts, clock: Clock) -> None:
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
    await accounts.sessions.forget_attempts("ada")
    assert (await attempt())[0] == 1


@pytest.mark.parametrize("role", [Role.END_USER, Role.DEVELOPER])
async def test_an_ended_session_is_remembered_until_its_tokens_expire(
    accounts: Accounts, clock: Clock, role: Role
) -> None:
    await project(accounts, await developer(accounts))
    ada = await user(accounts, "dev", "garden")
    owner, place = (ada, "garden") if role is Role.END_USER else ("dev", None)

    async def ended() -> set[str]:
        found = await accounts.credentials("garden", user_id=ada)
        assert found is not None
        state = found.user if role is Role.END_USER else found.developer
        assert state is not None
        return set(state.ended_sessions)

    claims = Claims(owner, role, place, "s1", "t", clock.now)
    for session in ("s1", "s2"):
        until = clock.now + timedelta(days=7)
        await accounts.end_session(claims.role, claims.subject, claims.project_id, session, until)
    assert await ended() == {"s1", "s2"}
    clock.now += timedelta(days=8)
    await accounts.end_session(role, owner, place, "s3", clock.now + timedelta(days=7))
    assert await ended() == {"s3"}


async def test_every_query_of_the_request_path_uses_an_index(accounts: Accounts, database: Database) -> None:
    await project(accounts, await developer(accounts))
    queries = {
        "keys": {"kind": "project", "hash": {"$in": ["1:p", "2:p"]}},
        "users": {"project_id": "garden", "email": "ada@example.com"},
        "developers": {"email": "dev@example.com"},
        "projects": {"developer_id": "dev", "slot": {"$exists": True}},
    }
    for collection, query in queries.items():
        plan = await database[collection].find(query).explain()
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"]), collection


async def test_a_store_that_is_away_says_so() -> None:
    settings = StoreSettings(
        mongodb_url=SecretStr("mongodb://127.0.0.1:9/none?replicaSet=rs0"), mongodb_timeout_ms=100
    )
    client = open_client(settings)
    with pytest.raises(StoreUnavailableError):
        await Accounts(open_database(client, settings), Clock()).credentials("garden")
    client.close()


async def test_no_record_prints_a_person(accounts: Accounts) -> None:
    await project(accounts, await developer(accounts))
    ada = await user(accounts, "dev", "garden")
    records = [
        await accounts.user("garden", ada),
        await accounts.developer("dev"),
        await accounts.find_login("ada@example.com", "garden"),
    ]
    assert "example.com" not in repr(records)
    assert "Ada" not in repr(records)
    assert "hash" not in repr(records).replace("password_hash", "")
