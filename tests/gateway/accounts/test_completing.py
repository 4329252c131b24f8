"""Crashes between the draft, the event and the document; and races of two gateways."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import pytest
import pytest_asyncio

from domain.errors import ExemplarError
from store.accounts.sweep import DRAFTS_LIVE
from store.errors import OutcomeUnknownError
from tests.gateway.accounts.crashes import crashing, dying
from tests.gateway.accounts.house import CAUSE, House, Owner

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def owner(house: House) -> AsyncIterator[Owner]:
    yield await house.owner()
    house.clock.ahead = timedelta()


async def test_a_change_that_stands_in_the_log_is_completed(house: House, owner: Owner) -> None:
    place = await house.place(owner)
    person = await house.person(place)
    accounts, crash = house.store.accounts, crashing(house)

    async def unknown(change: Awaitable[object]) -> None:
        with pytest.raises(OutcomeUnknownError):
            await change
        await house.sweep.follow(owner.id)

    await unknown(crash.create_project(owner.id, name="kitchen", limit=None, project_id="k", cause=CAUSE))
    assert (await accounts.project(owner.id, "k")) is not None
    await unknown(crash.update_project(owner.id, "k", {"name": "cellar"}, cause=CAUSE))
    found = await accounts.project(owner.id, "k")
    assert found is not None
    assert found.name == "cellar"
    await unknown(crash.delete_project(owner.id, "k", cause=CAUSE))
    assert await accounts.project(owner.id, "k") is None
    await unknown(crash.change_tier(owner.id, "cloud_starter", cause=CAUSE))
    state = await accounts.developer_state(owner.id)
    assert state is not None
    assert state[1] == "cloud_starter"
    await unknown(crash.revoke_key(owner.id, owner.key_id, cause=CAUSE))
    assert [key.active for key in await accounts.keys.all_of(owner.id)] == [False]
    await unknown(crash.reset_user_password(owner.id, place.id, person.id, "new", cause=CAUSE))
    login = await accounts.find_login(person.email, place.id)
    assert login is not None
    assert (login.password_hash, login.epoch) == ("new", 1)
    await unknown(crash.delete_user(owner.id, place.id, person.id, cause=CAUSE))
    assert await accounts.user(place.id, person.id) is None


async def test_a_registration_that_stands_in_the_log_is_completed(house: House, owner: Owner) -> None:
    with pytest.raises(OutcomeUnknownError):
        await crashing(house).register_developer(
            email="late@example.com", password_hash="x", tier="internal", developer_id="late", cause=CAUSE
        )
    assert await house.store.accounts.developer("late") is None
    house.clock.ahead += DRAFTS_LIVE + timedelta(seconds=1)
    await house.sweep.round()
    found = await house.store.accounts.developer("late")
    assert found is not None
    assert found.active


async def test_the_next_change_completes_the_one_before_it(house: House, owner: Owner) -> None:
    with pytest.raises(OutcomeUnknownError):
        await crashing(house).change_tier(owner.id, "free_starter", cause=CAUSE)
    await house.changes.create_project(owner.id, name="next", limit=3, cause=CAUSE)
    state = await house.store.accounts.developer_state(owner.id)
    assert state is not None
    assert state[1] == "free_starter"


async def test_a_draft_that_no_event_names_is_taken_back(house: House, owner: Owner) -> None:
    place = await house.place(owner)

    async def register() -> object:
        return await dying(house).register_user(
            owner.id, place.id, email="draft@example.com", password_hash="x", cause=CAUSE
        )

    with pytest.raises(asyncio.CancelledError):
        await register()
    assert await house.store.accounts.find_login("draft@example.com", place.id) is not None
    house.clock.ahead += DRAFTS_LIVE + timedelta(seconds=1)
    await house.sweep.round()
    assert await house.store.accounts.find_login("draft@example.com", place.id) is None
    assert [event.type for event in await house.changes.history(owner.id)].count(
        "developer.user_registered"
    ) == 0


async def test_a_refused_change_leaves_nothing_behind(house: House, owner: Owner) -> None:
    with pytest.raises(ExemplarError):
        await house.changes.create_project(owner.id, name="one", limit=0, project_id="refused", cause=CAUSE)
    database = house.store.client.get_default_database()
    assert await database["projects"].count_documents({"_id": "refused"}) == 0


async def test_an_attempt_that_died_is_gone_on_with_under_its_id(house: House, owner: Owner) -> None:
    with pytest.raises(asyncio.CancelledError):
        await dying(house).create_project(owner.id, name="a", limit=None, project_id="again", cause=CAUSE)
    made = await house.changes.create_project(owner.id, name="a", limit=None, project_id="again", cause=CAUSE)
    assert made.id == "again"
    assert await house.store.accounts.project(owner.id, "again") is not None


async def test_two_gateways_agree_on_ten_keys(house: House, owner: Owner) -> None:
    gateways = [house.store.account_changes(house.clock) for _ in range(2)]
    made = await asyncio.gather(
        *(
            gateways[number % 2].create_key(
                owner.id, None, key_hash=f"{owner.id}:{number}", prefix="ak_xxxxx", cause=CAUSE
            )
            for number in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, BaseException) for one in made) == 9
    keys = await house.store.accounts.keys.all_of(owner.id)
    assert len(keys) == 10
    assert all(key.active for key in keys)


async def test_names_given_at_once_end_as_the_log_has_them(house: House, owner: Owner) -> None:
    place = await house.place(owner)
    gateways = [house.store.account_changes(house.clock) for _ in range(3)]
    await asyncio.gather(
        *(
            gateways[number % 3].update_project(owner.id, place.id, {"name": str(number)}, cause=CAUSE)
            for number in range(9)
        )
    )
    database = house.store.client.get_default_database()
    document = await database["projects"].find_one({"_id": place.id})
    assert document is not None
    assert document["drafts"] == {}
    before = document["name"]
    await database["developers"].update_one({"_id": owner.id}, {"$unset": {"version": ""}})
    await house.sweep.follow(owner.id)
    found = await house.store.accounts.project(owner.id, place.id)
    assert found is not None
    assert found.name == before, "applying everything once more changes nothing"
