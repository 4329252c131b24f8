"""An account event and its documents are stored together: crashes in between, and races of two gateways."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.accounts.access import Role
from domain.accounts.developer import fold, stream_of
from domain.errors import ErrorCode, ExemplarError
from events.commit import Commit
from events.erasure import Grounds
from store.accounts.account_cache import AccountCache
from store.accounts.changes import AccountChanges
from store.accounts.platform import PlatformChanges
from store.accounts.records import UserRecord
from store.accounts.streams import DeveloperStreams
from store.accounts.writes import NewKey, NewPassword, NewPerson
from store.commits.mongo import MongoEventStore
from store.errors import AlreadyExistsError, StoreUnavailableError
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import GatewayHarness, OwnedProject, Owner

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLLECTIONS = ("commits", "developers", "projects", "keys", "users", "staff")
PROVED = "proved hash"
NEW = NewPassword("new hash", PROVED, "session")


class Crash(BaseException):
    """The process ends."""


class CrashingEventStore(MongoEventStore):
    """An event store whose process dies `inside` the transaction, after all writes, or right after it."""

    inside = True

    async def append(self, *args: Any, **options: Any) -> Commit:
        write = options["write"]

        async def write_and_crash(commit: Commit, session: Any) -> None:
            await write(commit, session)
            if self.inside:
                raise Crash

        options["write"] = write_and_crash
        await super().append(*args, **options)
        raise Crash


Change = Callable[[AccountChanges, PlatformChanges, "Subject"], Awaitable[object]]


class Subject:
    """The account that a test changes: a developer with a project, an end user and staff."""

    def __init__(self, owned_project: OwnedProject, user: str, staff: str) -> None:
        self.owned_project, self.user, self.staff = owned_project, user, staff
        self.developer, self.project = owned_project.owner.id, owned_project.id


CHANGES: dict[str, Change] = {
    "developer.registered": lambda c, _, s: c.register_developer(
        NewPerson(f"{s.user}@new.example", "x"), tier="internal", cause=CAUSE
    ),
    "developer.tier_changed": lambda c, _, s: c.change_tier(s.developer, "cloud_starter", cause=CAUSE),
    "developer.password_reset": lambda c, _, s: c.set_developer_password(s.developer, NewPassword("new"), cause=CAUSE),
    "developer.password_changed": lambda c, _, s: c.set_developer_password(s.developer, NEW, cause=CAUSE),
    "developer.project_created": lambda c, _, s: c.create_project(s.developer, name="new", limit=None, cause=CAUSE),
    "developer.project_renamed": lambda c, _, s: c.update_project(s.developer, s.project, {"name": "new"}, cause=CAUSE),
    "developer.project_deleted": lambda c, _, s: c.delete_project(s.developer, s.project, cause=CAUSE),
    "developer.project_erasure_requested": lambda c, _, s: c.request_project_erasure(
        s.developer, s.project, Grounds(reason="legal"), cause=CAUSE
    ),
    "developer.key_created": lambda c, _, s: c.create_key(
        s.developer, s.project, NewKey(f"1:{s.user}", "pk_xxxxx"), cause=CAUSE
    ),
    "developer.key_revoked": lambda c, _, s: c.revoke_key(s.developer, s.owned_project.owner.key_id, cause=CAUSE),
    "developer.user_registered": lambda c, _, s: c.register_user(
        s.developer, s.project, NewPerson("new@example.com", "x"), cause=CAUSE
    ),
    "developer.user_password_reset": lambda c, _, s: c.set_user_password(
        s.developer, s.project, s.user, NewPassword("new"), cause=CAUSE
    ),
    "developer.user_password_changed": lambda c, _, s: c.set_user_password(
        s.developer, s.project, s.user, NEW, cause=CAUSE
    ),
    "developer.user_deleted": lambda c, _, s: c.delete_user(s.developer, s.project, s.user, cause=CAUSE),
    "platform.staff_created": lambda _, p, s: p.create_staff(
        NewPerson(f"new{s.staff}@a.example", "x", id=f"new {s.staff}"), Role.AUDITOR, cause=CAUSE
    ),
    "platform.staff_password_changed": lambda _, p, s: p.change_password(s.staff, NEW, cause=CAUSE),
    "platform.staff_deleted": lambda _, p, s: p.delete_staff(s.staff, cause=CAUSE),
}


async def subject(gateway: GatewayHarness) -> Subject:
    """Make accounts whose current password hash is the proved one."""
    owned_project = await gateway.owned_project(await gateway.owner())
    email = f"user{next(gateway.numbers)}@example.com"
    person = NewPerson(email, PROVED)
    user = await gateway.changes.register_user(owned_project.owner.id, owned_project.id, person, cause=CAUSE)
    number = f"staff{next(gateway.numbers)}"
    staff = NewPerson(f"{number}@a.example", PROVED, id=number)
    await gateway.store.platform_changes.create_staff(staff, Role.AUDITOR, cause=CAUSE)
    await gateway.changes.set_developer_password(owned_project.owner.id, NewPassword(PROVED), cause=CAUSE)
    return Subject(owned_project, user.id, number)


async def contents(gateway: GatewayHarness) -> dict[str, list[Any]]:
    """Read every document of accounts and of the log."""
    database = gateway.store.database
    return {name: await database[name].find({}).sort("_id").to_list(None) for name in COLLECTIONS}


def crashing(gateway: GatewayHarness, *, inside: bool) -> tuple[AccountChanges, PlatformChanges]:
    events = CrashingEventStore(gateway.store.database)
    events.inside = inside
    database, clock = gateway.store.database, gateway.clock
    changes = AccountChanges(database, events, clock=clock, account_cache=AccountCache())
    return changes, PlatformChanges(database, events, clock=clock)


@pytest.mark.parametrize("event_type", CHANGES)
async def test_a_crash_inside_the_transaction_leaves_neither_event_nor_document(
    gateway: GatewayHarness, event_type: str
) -> None:
    account = await subject(gateway)
    before = await contents(gateway)
    with pytest.raises(Crash):
        await CHANGES[event_type](*crashing(gateway, inside=True), account)
    assert await contents(gateway) == before
    await CHANGES[event_type](gateway.changes, gateway.store.platform_changes, account)


@pytest.mark.parametrize("event_type", CHANGES)
async def test_a_crash_after_the_transaction_leaves_event_and_document(
    gateway: GatewayHarness, event_type: str
) -> None:
    account = await subject(gateway)
    before = await contents(gateway)
    with pytest.raises(Crash):
        await CHANGES[event_type](*crashing(gateway, inside=False), account)
    after = await contents(gateway)
    [commit] = [commit for commit in after["commits"] if commit not in before["commits"]]
    assert commit["types"][-1] == event_type
    changed = {name for name in COLLECTIONS if after[name] != before[name]} - {"commits"}
    assert changed, "the documents changed with the event"
    if event_type.startswith("developer."):
        stream = commit["stream"]
        events = [event for commit in await gateway.store.events.read(stream) for event in commit.events]
        database, log = gateway.store.database, gateway.store.events
        streams = DeveloperStreams(
            database, log, clock=gateway.clock, announce=lambda _: None, account_cache=AccountCache()
        )
        assert await streams.load(stream) == fold(events)
        document = await gateway.store.database["developers"].find_one({"_id": stream.partition("-")[2]})
        assert document is not None
        assert document["folded"]["version"] == events[-1].version


async def test_documents_have_the_times_of_their_events(gateway: GatewayHarness) -> None:
    account, seconds = await subject(gateway), itertools.count()
    database, developer = gateway.store.database, account.developer
    start = gateway.clock().replace(microsecond=0)  # documents keep milliseconds

    def clock() -> datetime:
        return start + timedelta(seconds=next(seconds))

    changes = AccountChanges(database, gateway.store.events, clock=clock, account_cache=AccountCache())
    made = await changes.create_project(developer, name="new", limit=None, cause=CAUSE)
    await changes.update_project(developer, made.id, {"name": "newer"}, cause=CAUSE)
    await changes.delete_project(developer, made.id, cause=CAUSE)
    await changes.record_project_erased(developer, made.id, cause=CAUSE)
    await changes.revoke_key(developer, account.owned_project.owner.key_id, cause=CAUSE)
    await changes.delete_user(developer, account.project, account.user, cause=CAUSE)

    *_, created, renamed, deleted, erased, revoked, closed = await changes.history(developer)
    [project] = await database["projects"].find({"_id": made.id}).to_list(None)
    [key] = await database["keys"].find({"_id": account.owned_project.owner.key_id}).to_list(None)
    [user] = await database["users"].find({"_id": account.user}).to_list(None)
    assert project["created_at"] == created.time
    assert project["updated_at"] == renamed.time
    assert project["deleted_at"] == deleted.time
    assert project["erased_at"] == erased.time
    assert key["revoked_at"] == revoked.time
    assert user["deleted_at"] == closed.time


async def test_a_missing_folded_state_is_rebuilt_from_the_log(gateway: GatewayHarness) -> None:
    account = await subject(gateway)
    developers = gateway.store.database["developers"]
    await developers.update_one({"_id": account.developer}, {"$unset": {"folded": ""}})
    with pytest.raises(ExemplarError, match="Maximum of 1 projects"):
        await gateway.changes.create_project(account.developer, name="new", limit=1, cause=CAUSE)
    await gateway.changes.create_project(account.developer, name="new", limit=2, cause=CAUSE)
    document = await developers.find_one({"_id": account.developer})
    assert document is not None
    history = await gateway.changes.history(account.developer)
    assert document["folded"]["version"] == history[-1].version


async def test_a_refused_change_stores_nothing(gateway: GatewayHarness) -> None:
    account = await subject(gateway)
    before = await contents(gateway)
    with pytest.raises(ExemplarError, match="Maximum of 0 projects"):
        await gateway.changes.create_project(account.developer, name="one", limit=0, cause=CAUSE)
    with pytest.raises(AlreadyExistsError):
        await gateway.changes.register_developer(
            NewPerson(account.owned_project.owner.email, "x"), tier="internal", cause=CAUSE
        )
    assert await contents(gateway) == before


@pytest.mark.parametrize("kind", ["user", "developer"])
async def test_one_of_twenty_concurrent_registrations_of_an_address_succeeds(
    gateway: GatewayHarness, kind: str
) -> None:
    owned_project = await gateway.owned_project(await gateway.owner())
    gateways = [gateway.store.make(AccountChanges) for _ in range(4)]
    email = f"one{next(gateway.numbers)}@example.com"

    async def register(changes: AccountChanges, password: str) -> object:
        person = NewPerson(email, password)
        if kind == "user":
            return await changes.register_user(owned_project.owner.id, owned_project.id, person, cause=CAUSE)
        return await changes.register_developer(person, tier="internal", cause=CAUSE)

    made = await asyncio.gather(
        *(register(gateways[number % 4], str(number)) for number in range(20)), return_exceptions=True
    )
    won = [number for number, one in enumerate(made) if not isinstance(one, BaseException)]
    login = await gateway.store.accounts.find_login(email, owned_project.id if kind == "user" else None)
    assert login is not None
    assert ([login.password_hash], login.active) == ([str(number) for number in won], True)
    assert sum(isinstance(one, AlreadyExistsError) for one in made) == 19
    if kind == "user":
        assert isinstance(made[won[0]], UserRecord)
        history = await gateway.changes.history(owned_project.owner.id)
        assert [event.type for event in history].count("developer.user_registered") == 1
    else:
        assert len(await gateway.store.events.read(stream_of(login.id))) == 1


async def test_two_gateways_create_at_most_ten_keys_together(gateway: GatewayHarness) -> None:
    owner = await gateway.owner()
    gateways = [gateway.store.make(AccountChanges) for _ in range(2)]
    made = await asyncio.gather(
        *(
            gateways[number % 2].create_key(owner.id, None, NewKey(f"{owner.id}:{number}", "ak_xxxxx"), cause=CAUSE)
            for number in range(20)
        ),
        return_exceptions=True,
    )
    refused = [one for one in made if isinstance(one, ExemplarError)]
    assert {one.code for one in refused} == {ErrorCode.KEY_LIMIT}
    assert len(made) - len(refused) == 9
    keys = await gateway.store.accounts.keys.all_of(owner.id)
    assert len(keys) == 10
    assert all(key.active for key in keys)


async def test_concurrent_renames_leave_the_name_of_the_last_event(gateway: GatewayHarness) -> None:
    owner = await gateway.owner()
    owned_project = await gateway.owned_project(owner)
    gateways = [gateway.store.make(AccountChanges) for _ in range(3)]
    renamed = await asyncio.gather(
        *(
            gateways[number % 3].update_project(owner.id, owned_project.id, {"name": str(number)}, cause=CAUSE)
            for number in range(9)
        )
    )
    found = await gateway.store.accounts.project(owner.id, owned_project.id)
    assert found in renamed
    history = [event.type for event in await gateway.changes.history(owner.id)]
    assert history.count("developer.project_renamed") == 9


async def test_a_password_change_with_a_hash_from_before_a_reset_is_refused(gateway: GatewayHarness) -> None:
    account = await subject(gateway)
    ids = (account.developer, account.project, account.user)
    await gateway.changes.set_user_password(*ids, NewPassword("reset"), cause=CAUSE)
    with pytest.raises(ExemplarError, match="invalid_credentials"):
        await gateway.changes.set_user_password(*ids, NEW, cause=CAUSE)
    hashed = await gateway.store.accounts.password_hash(Role.END_USER, account.user, account.project)
    assert hashed == "reset"


async def test_two_concurrent_deletions_of_a_user_are_recorded_once(gateway: GatewayHarness) -> None:
    account = await subject(gateway)
    gateways = [gateway.store.make(AccountChanges) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(g.delete_user(account.developer, account.project, account.user, cause=CAUSE) for g in gateways),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["ExemplarError", "NoneType"]
    history = await gateway.changes.history(account.developer)
    assert [event.type for event in history].count("developer.user_deleted") == 1


async def test_a_store_failure_inside_the_transaction_changes_nothing(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner: Owner = await gateway.owner()
    before = await contents(gateway)

    async def unreachable(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(DeveloperStreams, "_keep", unreachable)
    with pytest.raises(StoreUnavailableError):
        await gateway.changes.create_project(owner.id, name="new", limit=None, cause=CAUSE)
    assert await contents(gateway) == before
