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
    ProjectRenamed,
    UserDeleted,
    UserErased,
    UserPasswordChanged,
    UserPasswordReset,
    UserRegistered,
)
from tests.builders.developer import (
    CORRECTED,
    DEVELOPER_KEY,
    GARDEN,
    GARDEN_KEY,
    ID,
    ONE_OF_EACH,
    REGISTERED,
    folded,
    given,
)


def refused(code: ErrorCode, text: str = "") -> "pytest.RaisesExc[ExemplarError]":
    return pytest.raises(ExemplarError, match=text or code.value, check=lambda error: error.code is code)


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(DeveloperEvent))
    assert folded(ONE_OF_EACH) is not None


def test_the_stream_name_contains_the_developer() -> None:
    assert developer_of(stream_of(ID)) == ID
    assert developer_of("generation-1") is None


def test_a_stream_begins_with_its_only_registration() -> None:
    with pytest.raises(ValueError, match="begins with"):
        folded([GARDEN])
    with pytest.raises(ValueError, match="registered twice"):
        folded([REGISTERED, REGISTERED])


def test_registering_twice_changes_nothing() -> None:
    assert rules.register(None, tier="free_starter") == [REGISTERED]
    assert rules.register(given().state, tier="internal") == []


def test_the_same_tier_is_no_change() -> None:
    given().when(lambda d: rules.change_tier(d, tier="free_starter")).then_nothing()
    changed = DeveloperTierChanged(previous="free_starter", tier="internal")
    after = given().when(lambda d: rules.change_tier(d, tier="internal")).then(changed)
    assert after.tier == "internal"


def test_deleted_projects_do_not_count_against_the_limit_of_the_tier() -> None:
    three = tuple(ProjectCreated(project=name) for name in "abc")
    with refused(ErrorCode.PROJECT_LIMIT, "Maximum of 3 projects reached for tier free_starter"):
        given(*three).when(lambda d: rules.create_project(d, project="d", limit=3))
    fewer = given(*three, ProjectDeleted(project="a"))
    fourth = ProjectCreated(project="d")
    fewer.when(lambda d: rules.create_project(d, project="d", limit=3)).then(fourth)
    given(*three).when(lambda d: rules.create_project(d, project="d", limit=None)).then(fourth)
    given(*three).when(lambda d: rules.create_project(d, project="c", limit=3)).then_nothing()


def test_a_developer_has_ten_keys_and_a_project_fifty_at_most() -> None:
    own = tuple(KeyCreated(key=str(number), project=None) for number in range(DEVELOPER_KEYS))
    public = tuple(KeyCreated(key=f"p{number}", project="garden") for number in range(API_KEYS))
    full = given(GARDEN, *own, *public)
    with refused(ErrorCode.KEY_LIMIT, "Maximum of 10 active developer keys reached. Revoke one first."):
        full.when(lambda d: rules.create_key(d, key="x", project=None))
    with refused(ErrorCode.KEY_LIMIT, "Maximum of 50 active API keys reached. Revoke one first."):
        full.when(lambda d: rules.create_key(d, key="x", project="garden"))
    fewer = given(GARDEN, *own, KeyRevoked(key="3"))
    created = KeyCreated(key="x", project=None)
    fewer.when(lambda d: rules.create_key(d, key="x", project=None)).then(created)
    full.when(lambda d: rules.create_key(d, key="3", project=None)).then_nothing()


def test_the_keys_of_a_project_end_with_it() -> None:
    after = given(GARDEN, DEVELOPER_KEY, GARDEN_KEY, ProjectDeleted(project="garden")).state
    assert dict(after.keys) == {"key-1": None}
    assert after.projects == frozenset()


@pytest.mark.parametrize("project", [None, "kitchen"])
def test_a_key_of_another_owner_cannot_be_revoked(project: str | None) -> None:
    with refused(ErrorCode.NOT_FOUND):
        given(GARDEN, GARDEN_KEY).when(lambda d: rules.revoke_key(d, key="key-2", project=project))
    gone = given(GARDEN, GARDEN_KEY, KeyRevoked(key="key-2"))
    with refused(ErrorCode.NOT_FOUND):
        gone.when(lambda d: rules.revoke_key(d, key="key-2", project="garden"))


def test_a_project_of_another_developer_is_not_found() -> None:
    for decision in (
        lambda d: rules.record_in_project(d, event=ProjectRenamed(project="kitchen")),
        lambda d: rules.record_in_project(d, event=ProjectDeleted(project="kitchen")),
        lambda d: rules.create_key(d, key="k", project="kitchen"),
        lambda d: rules.record_in_project(d, event=UserRegistered(project="kitchen", user="u")),
        lambda d: rules.record_in_project(d, event=UserPasswordReset(project="kitchen", user="u")),
        lambda d: rules.record_in_project(d, event=UserPasswordChanged(project="kitchen", user="u")),
    ):
        with refused(ErrorCode.NOT_FOUND):
            given(GARDEN).when(decision)


def test_only_a_deleted_project_is_erased() -> None:
    given(GARDEN).when(lambda d: rules.erase_project(d, project="garden")).then_nothing()
    gone = given(GARDEN, ProjectDeleted(project="garden"))
    erased = ProjectErased(project="garden")
    gone.when(lambda d: rules.erase_project(d, project="garden")).then(erased)


def test_a_user_of_a_deleted_project_may_be_deleted() -> None:
    gone = given(GARDEN, ProjectDeleted(project="garden"))
    deleted = UserDeleted(project="garden", user="ada")
    gone.when(lambda d: rules.record(d, event=deleted)).then(deleted)


def test_a_quota_correction_is_recorded_once() -> None:
    given().when(lambda d: rules.correct_quota(d, corrected=CORRECTED)).then(CORRECTED)
    given(CORRECTED).when(lambda d: rules.correct_quota(d, corrected=CORRECTED)).then_nothing()


def test_end_users_are_not_part_of_the_state() -> None:
    registered = UserRegistered(project="garden", user="ada")
    given(GARDEN).when(lambda d: rules.record_in_project(d, event=registered)).then(registered)
    deleted = UserDeleted(project="garden", user="ada")
    later = given(GARDEN, registered)
    later.when(lambda d: rules.record(d, event=deleted)).then(deleted)
    gone = given(GARDEN, registered, deleted, ProjectDeleted(project="garden"))
    erased = UserErased(project="garden", user="ada")
    gone.when(lambda d: rules.record(d, event=erased)).then(erased)
