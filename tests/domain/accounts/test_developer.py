from dataclasses import replace
from typing import get_args

import pytest

from domain.accounts import developer as rules
from domain.accounts.developer import API_KEYS, DEVELOPER_KEYS, developer_of, stream_of
from domain.errors import ErrorCode, ExemplarError
from events.developer import (
    DeveloperEvent,
    DeveloperTierChanged,
    KeyCreated,
    KeyRevoked,
    ProjectCreated,
    ProjectDeleted,
    ProjectErased,
    UserDeleted,
    UserRegistered,
)
from tests.builders.developer import (
    CORRECTED,
    GARDEN,
    GARDEN_KEY,
    HIS_KEY,
    ID,
    ONE_OF_EACH,
    REGISTERED,
    folded,
    given,
)


def refused(code: ErrorCode, text: str = "") -> "pytest.RaisesExc[ExemplarError]":
    return pytest.raises(ExemplarError, match=text or code.value, check=lambda error: error.code is code)


def test_there_is_an_example_of_every_event() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(DeveloperEvent))
    assert folded(ONE_OF_EACH) is not None


def test_a_stream_tells_whose_it_is() -> None:
    assert developer_of(stream_of(ID)) == ID
    assert developer_of("generation-1") is None


def test_a_stream_begins_with_the_registration_and_has_one() -> None:
    with pytest.raises(ValueError, match="begins with"):
        folded([GARDEN])
    with pytest.raises(ValueError, match="registered twice"):
        folded([REGISTERED, REGISTERED])


def test_who_is_registered_is_not_registered_again() -> None:
    assert rules.register(None, tier="free_starter") == [REGISTERED]
    assert rules.register(given().developer, tier="internal") == []


def test_the_same_tier_is_no_change() -> None:
    assert given().when(lambda d: rules.change_tier(d, tier="free_starter")) == ()
    changed = DeveloperTierChanged(previous="free_starter", tier="internal")
    assert given().when(lambda d: rules.change_tier(d, tier="internal")) == (changed,)
    assert given(changed).developer.tier == "internal"


def test_a_tier_bounds_living_projects_alone() -> None:
    three = tuple(ProjectCreated(project=name) for name in "abc")
    with refused(ErrorCode.PROJECT_LIMIT, "Maximum of 3 projects reached for tier free_starter"):
        given(*three).when(lambda d: rules.create_project(d, project="d", limit=3))
    room = given(*three, ProjectDeleted(project="a"))
    assert room.when(lambda d: rules.create_project(d, project="d", limit=3)) == (
        ProjectCreated(project="d"),
    )
    assert given(*three).when(lambda d: rules.create_project(d, project="d", limit=None))
    assert given(*three).when(lambda d: rules.create_project(d, project="c", limit=3)) == ()


def test_ten_keys_of_a_developer_and_fifty_of_a_project_are_enough() -> None:
    own = tuple(KeyCreated(key=str(number), project=None) for number in range(DEVELOPER_KEYS))
    public = tuple(KeyCreated(key=f"p{number}", project="garden") for number in range(API_KEYS))
    full = given(GARDEN, *own, *public)
    with refused(ErrorCode.KEY_LIMIT, "Maximum of 10 active developer keys reached. Revoke one first."):
        full.when(lambda d: rules.create_key(d, key="x", project=None))
    with refused(ErrorCode.KEY_LIMIT, "Maximum of 50 active API keys reached. Revoke one first."):
        full.when(lambda d: rules.create_key(d, key="x", project="garden"))
    room = given(GARDEN, *own, KeyRevoked(key="3"))
    assert room.when(lambda d: rules.create_key(d, key="x", project=None))
    assert full.when(lambda d: rules.create_key(d, key="3", project=None)) == ()


def test_the_keys_of_a_project_end_with_it() -> None:
    after = given(GARDEN, HIS_KEY, GARDEN_KEY, ProjectDeleted(project="garden")).developer
    assert dict(after.keys) == {"key-1": None}
    assert after.projects == frozenset()


@pytest.mark.parametrize("project", [None, "kitchen"])
def test_a_key_is_revoked_by_its_owner_alone(project: str | None) -> None:
    with refused(ErrorCode.NOT_FOUND):
        given(GARDEN, GARDEN_KEY).when(lambda d: rules.revoke_key(d, key="key-2", project=project))
    gone = given(GARDEN, GARDEN_KEY, KeyRevoked(key="key-2"))
    with refused(ErrorCode.NOT_FOUND):
        gone.when(lambda d: rules.revoke_key(d, key="key-2", project="garden"))


def test_what_is_in_no_project_of_his_is_unknown() -> None:
    for decision in (
        lambda d: rules.rename_project(d, project="kitchen", change="c"),
        lambda d: rules.delete_project(d, project="kitchen"),
        lambda d: rules.create_key(d, key="k", project="kitchen"),
        lambda d: rules.register_user(d, project="kitchen", user="u"),
        lambda d: rules.reset_user_password(d, project="kitchen", user="u", change="c"),
        lambda d: rules.change_user_password(d, project="kitchen", user="u", change="c"),
    ):
        with refused(ErrorCode.NOT_FOUND):
            given(GARDEN).when(decision)


def test_who_was_only_going_to_register_may_still_do_so() -> None:
    withdrawn = rules.withdraw_draft(None, kind="developers", draft=ID, change=None)
    nobody = folded(withdrawn)
    assert nobody is not None
    assert (nobody.tier, nobody.version) == ("", 1)
    assert rules.register(nobody, tier="free_starter") == [REGISTERED]
    assert folded([*withdrawn, REGISTERED]) == replace(given().developer, version=2)


def test_only_a_deleted_project_is_erased() -> None:
    assert given(GARDEN).when(lambda d: rules.erase_project(d, project="garden")) == ()
    gone = given(GARDEN, ProjectDeleted(project="garden"))
    erased = (ProjectErased(project="garden"),)
    assert gone.when(lambda d: rules.erase_project(d, project="garden")) == erased


def test_a_user_of_a_deleted_project_may_be_deleted() -> None:
    gone = given(GARDEN, ProjectDeleted(project="garden"))
    assert gone.when(lambda d: rules.delete_user(d, project="garden", user="ada"))


def test_a_correction_is_noted_once() -> None:
    assert given().when(lambda d: rules.correct_quota(d, corrected=CORRECTED)) == (CORRECTED,)
    assert given(CORRECTED).when(lambda d: rules.correct_quota(d, corrected=CORRECTED)) == ()


def test_users_come_and_go_without_weighing_on_the_state() -> None:
    came = given(GARDEN).when(lambda d: rules.register_user(d, project="garden", user="ada"))
    assert came == (UserRegistered(project="garden", user="ada"),)
    went = given(GARDEN, *came).when(lambda d: rules.delete_user(d, project="garden", user="ada"))
    assert went == (UserDeleted(project="garden", user="ada"),)
    assert given(GARDEN, *came, *went, ProjectDeleted(project="garden")).when(
        lambda d: rules.erase_user(d, project="garden", user="ada")
    )
