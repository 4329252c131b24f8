"""What was begun and never recorded: taken over, withdrawn, and never in the way of the log."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from domain.accounts.access import Role
from store.accounts.changes import AccountChanges
from store.accounts.records import DeveloperRecord, UserRecord
from store.accounts.slots import AlreadyExistsError
from store.accounts.sweep import DRAFTS_LIVE
from store.accounts.user_changes import NewPassword
from store.errors import OutcomeUnknownError, StoreUnavailableError
from tests.gateway.accounts.crashes import crashing, crashing_platform, dying, frozen, slow
from tests.gateway.accounts.house import CAUSE, House, Owner, Place

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def owner(house: House) -> AsyncIterator[Owner]:
    yield await house.owner()
    house.clock.ahead = timedelta()


async def register(changes: AccountChanges, place: Place, email: str, password: str) -> UserRecord:
    return await changes.register_user(
        place.owner.id, place.id, email=email, password_hash=password, cause=CAUSE
    )


async def begin(changes: AccountChanges, email: str, password: str) -> DeveloperRecord:
    return await changes.register_developer(email=email, password_hash=password, tier="internal", cause=CAUSE)


async def types(house: House, owner: Owner) -> list[str]:
    return [event.type for event in await house.changes.history(owner.id)]


async def test_an_address_whose_registration_died_is_free_at_once(house: House, owner: Owner) -> None:
    place = await house.place(owner)
    address = "again@example.com"
    with pytest.raises(asyncio.CancelledError):
        await register(dying(house), place, address, "first")
    made = await register(house.changes, place, address, "second")
    login = await house.store.accounts.find_login("again@example.com", place.id)
    assert login is not None
    assert (login.id, login.password_hash, login.active) == (made.id, "second", True)
    assert (await types(house, owner)).count("developer.user_registered") == 1


async def test_a_developers_address_whose_registration_died_is_free_at_once(house: House) -> None:
    address = "anew@example.com"
    with pytest.raises(asyncio.CancelledError):
        await begin(dying(house), address, "first")
    made = await begin(house.changes, address, "second")
    found = await house.store.accounts.developer(made.id)
    assert found is not None
    assert (found.email, found.active) == ("anew@example.com", True)


async def test_a_registration_that_the_log_names_is_not_taken_over(house: House, owner: Owner) -> None:
    place = await house.place(owner)
    address = "named@example.com"
    with pytest.raises(OutcomeUnknownError):
        await register(crashing(house), place, address, "first")
    with pytest.raises(AlreadyExistsError):
        await register(house.changes, place, address, "second")
    login = await house.store.accounts.find_login("named@example.com", place.id)
    assert login is not None
    assert (login.password_hash, login.active) == ("first", True)


async def test_of_a_slow_registration_and_a_quick_one_only_one_succeeds(house: House, owner: Owner) -> None:
    place = await house.place(owner)
    changes, developers = slow(house)
    address = "race@example.com"
    late = asyncio.ensure_future(register(changes, place, address, "slow"))
    await frozen(developers)
    made = await register(house.changes, place, address, "quick")
    developers.go_on.set()
    with pytest.raises(AlreadyExistsError):
        await late
    login = await house.store.accounts.find_login("race@example.com", place.id)
    assert login is not None
    assert (login.id, login.password_hash, login.active) == (made.id, "quick", True)
    assert (await types(house, owner)).count("developer.user_registered") == 1


async def test_twenty_who_register_one_address_are_one(house: House, owner: Owner) -> None:
    place = await house.place(owner)
    gateways = [house.store.account_changes(house.clock) for _ in range(4)]
    made = await asyncio.gather(
        *(
            gateways[number % 4].register_user(
                owner.id, place.id, email="one@example.com", password_hash=str(number), cause=CAUSE
            )
            for number in range(20)
        ),
        return_exceptions=True,
    )
    won = [number for number, one in enumerate(made) if not isinstance(one, BaseException)]
    login = await house.store.accounts.find_login("one@example.com", place.id)
    assert login is not None
    assert ([login.password_hash], login.active) == ([str(number) for number in won], True)
    assert all(isinstance(one, AlreadyExistsError | UserRecord) for one in made)
    assert (await types(house, owner)).count("developer.user_registered") == 1


async def test_what_was_withdrawn_is_not_recorded_by_a_late_maker(house: House, owner: Owner) -> None:
    changes, developers = slow(house)
    late = asyncio.ensure_future(changes.create_project(owner.id, name="late", limit=None, cause=CAUSE))
    await frozen(developers)
    house.clock.ahead += DRAFTS_LIVE + timedelta(seconds=1)
    await house.sweep.round()
    developers.go_on.set()
    with pytest.raises(StoreUnavailableError):
        await late
    assert await house.store.accounts.projects(owner.id) == []
    assert (await types(house, owner))[-1] == "developer.draft_withdrawn"
    await house.changes.create_project(owner.id, name="a new one", limit=1, cause=CAUSE)


async def test_a_password_that_was_never_recorded_does_not_lie_about(house: House, owner: Owner) -> None:
    users = house.store.accounts.database["users"]
    person = await house.person(await house.place(owner))
    with pytest.raises(asyncio.CancelledError):
        await dying(house).reset_user_password(owner.id, person.place.id, person.id, "never", cause=CAUSE)
    house.clock.ahead += DRAFTS_LIVE + timedelta(seconds=1)
    for _ in range(2):
        await house.sweep.round()
    document = await users.find_one({"_id": person.id})
    assert document is not None
    assert document["drafts"] == {}
    assert "drafted_since" not in document
    assert document["password_hash"] == house.password_hash


async def test_a_password_that_the_log_names_comes_into_force_before_drafts_go(
    house: House, owner: Owner
) -> None:
    with pytest.raises(OutcomeUnknownError):
        await crashing(house).reset_developer_password(owner.id, "named", cause=CAUSE)
    house.clock.ahead += DRAFTS_LIVE + timedelta(seconds=1)
    await house.sweep.round()
    login = await house.store.accounts.find_login(owner.email, None)
    assert login is not None
    assert login.password_hash == "named"


async def test_staff_whose_making_died_go_and_those_whom_the_log_names_stay(house: House) -> None:
    platform, staff = house.store.platform_changes(house.clock), house.store.accounts.database["staff"]
    made = await platform.create_staff(
        "named", Role.AUDITOR, email="named@platform.example", password_hash="x", cause=CAUSE
    )
    await staff.update_one({"_id": made.id}, {"$set": {"active": False, "pending_since": made.created_at}})
    await house.store.accounts.database["platform"].delete_many({})
    died = {"_id": "died", "email": "died@platform.example", "active": False, "role": "auditor"}
    await staff.insert_one({**died, "draft": "x", "pending_since": made.created_at})
    house.clock.ahead += DRAFTS_LIVE + timedelta(seconds=1)
    await house.sweep.round()
    assert [one["_id"] async for one in staff.find({"_id": {"$in": ["named", "died"]}})] == ["named"]
    found = await house.store.accounts.staff.find("named@platform.example")
    assert found is not None
    assert found.active


async def test_an_operator_who_stands_in_the_log_stays_when_the_store_goes_away_behind_it(
    house: House,
) -> None:
    crashing, platform = crashing_platform(house), house.store.platform_changes(house.clock)
    await platform.catch_up()
    email, new = "lost@platform.example", NewPassword("new hash", "hash", "session")
    with pytest.raises(OutcomeUnknownError):
        await crashing.create_staff("lost", Role.AUDITOR, email=email, password_hash="hash", cause=CAUSE)
    await platform.catch_up()
    found = await house.store.accounts.staff.find(email)
    assert found is not None
    with pytest.raises(OutcomeUnknownError):
        await crashing.change_password("lost", new, cause=CAUSE)
    await platform.catch_up()
    assert await house.store.accounts.password_hash(Role.AUDITOR, "lost", None) == "new hash"
