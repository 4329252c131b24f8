from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from domain.accounts.access import (
    AccountState,
    Claims,
    DeveloperIdentity,
    Identity,
    KeyState,
    Role,
    Tenancy,
    authorize_developer,
    authorize_end_user,
    authorize_registration,
)
from domain.accounts.headers import MALFORMED, PresentedCredentials
from domain.accounts.tiers import TIERS, tiers_with
from domain.errors import ErrorCode, ExemplarError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = Claims("ada", Role.END_USER, "garden", "session", "token", NOW)
DEVELOPER_CLAIMS = Claims("dev", Role.DEVELOPER, None, "session", "token", NOW)
SENT = PresentedCredentials("end_user", "the developer key", "garden", "the api key")
DEVELOPER_KEY = KeyState("k1", "dev", None, active=True, last_used_at=None)
API_KEY = KeyState("k2", "dev", "garden", active=True, last_used_at=None)
FOUND = Tenancy(
    project_id="garden",
    project_active=True,
    developer=AccountState("dev", active=True),
    tier="free_starter",
    user=AccountState("ada", active=True),
    developer_key=DEVELOPER_KEY,
    api_key=API_KEY,
)
ADA = Identity("ada", "garden", "dev", TIERS["free_starter"])

UNKNOWN = ErrorCode.INVALID_CREDENTIALS
NOTHING = PresentedCredentials()
NO_ROLE = ErrorCode.ROLE_HEADER_REQUIRED
NO_DEVELOPER_KEY = ErrorCode.INVALID_DEVELOPER_KEY
FORBIDDEN = ErrorCode.FORBIDDEN


def refusal(decide: Callable[[], object]) -> ErrorCode:
    with pytest.raises(ExemplarError) as refused:
        decide()
    return refused.value.code


def submitting(
    claims: Claims = CLAIMS, sent: PresentedCredentials = SENT, found: Tenancy | None = FOUND
) -> Callable[[], Identity]:
    return lambda: authorize_end_user(claims, sent, found, TIERS, now=NOW, all_headers=True)


def reading(
    claims: Claims = CLAIMS, sent: PresentedCredentials = SENT, found: Tenancy | None = FOUND
) -> Callable[[], Identity]:
    return lambda: authorize_end_user(claims, sent, found, TIERS, now=NOW)


def test_five_matching_headers_give_an_identity() -> None:
    assert submitting()() == ADA
    assert reading()() == ADA


def test_a_token_alone_is_enough_to_read() -> None:
    assert reading(sent=NOTHING, found=replace(FOUND, developer_key=None, api_key=None))() == ADA


GONE = [
    None,
    replace(FOUND, user=None),
    replace(FOUND, user=AccountState("ada", active=False)),
    replace(FOUND, user=AccountState("ada", active=True, ended_sessions=frozenset({"session"}))),
    replace(FOUND, user=AccountState("bob", active=True)),
    replace(FOUND, project_active=False),
]


@pytest.mark.parametrize("found", GONE)
@pytest.mark.parametrize("sent", [SENT, NOTHING, replace(SENT, role="developer", developer_key="")])
def test_a_token_of_a_deleted_subject_is_refused_first(found: Tenancy | None, sent: PresentedCredentials) -> None:
    assert refusal(submitting(sent=sent, found=found)) is UNKNOWN
    assert refusal(reading(sent=sent, found=found)) is UNKNOWN


def test_another_ended_session_has_no_effect() -> None:
    user = AccountState("ada", active=True, ended_sessions=frozenset({"yesterday's"}))
    assert submitting(found=replace(FOUND, user=user))() == ADA


@pytest.mark.parametrize("claims", [CLAIMS, DEVELOPER_CLAIMS])
def test_a_missing_role_header_is_reported_before_a_wrong_role(claims: Claims) -> None:
    found = FOUND if claims is CLAIMS else None
    assert refusal(submitting(claims, replace(SENT, role=None, developer_key=None), found)) is NO_ROLE


@pytest.mark.parametrize("role", ["developer", "platform_operator"])
def test_a_role_header_unlike_the_token_is_forbidden_before_the_keys_are_checked(role: str) -> None:
    sent = replace(SENT, role=role, developer_key="wrong")
    found = replace(FOUND, developer_key=None)
    assert refusal(submitting(sent=sent, found=found)) is FORBIDDEN
    assert refusal(reading(sent=sent, found=found)) is FORBIDDEN


@pytest.mark.parametrize("role", ["END_USER", "end_user ", MALFORMED])
def test_a_role_header_that_names_no_role_is_malformed(role: str) -> None:
    sent, state = replace(SENT, role=role), AccountState("dev", active=True)
    assert refusal(submitting(sent=sent)) is ErrorCode.ROLE_HEADER_MALFORMED
    assert refusal(reading(sent=sent)) is ErrorCode.ROLE_HEADER_MALFORMED
    call = partial(authorize_developer, DEVELOPER_CLAIMS, sent, state, "internal", TIERS)
    assert refusal(call) is ErrorCode.ROLE_HEADER_MALFORMED


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.PLATFORM_OPERATOR, Role.AUDITOR])
@pytest.mark.parametrize("header", ["end_user", "developer"])
def test_only_end_users_submit_and_read(role: Role, header: str) -> None:
    claims = replace(DEVELOPER_CLAIMS, role=role)
    assert refusal(submitting(claims, replace(SENT, role=header), None)) is FORBIDDEN
    assert refusal(reading(claims, replace(SENT, role=header), None)) is FORBIDDEN


WRONG_DEVELOPER_KEYS = [
    None,
    replace(DEVELOPER_KEY, active=False),
    replace(DEVELOPER_KEY, developer_id="another"),
    replace(DEVELOPER_KEY, project_id="garden"),
]
WRONG_API_KEYS = [
    None,
    replace(API_KEY, active=False),
    replace(API_KEY, project_id="another"),
    replace(API_KEY, project_id=None),
]


@pytest.mark.parametrize("key", WRONG_DEVELOPER_KEYS)
@pytest.mark.parametrize("api_key", [API_KEY, None])
def test_a_wrong_developer_key_is_reported_before_a_wrong_api_key(
    key: KeyState | None, api_key: KeyState | None
) -> None:
    found = replace(FOUND, developer_key=key, api_key=api_key)
    assert refusal(submitting(found=found)) is NO_DEVELOPER_KEY
    assert refusal(reading(found=found)) is NO_DEVELOPER_KEY
    assert refusal(lambda: authorize_registration(SENT, found)) is NO_DEVELOPER_KEY


@pytest.mark.parametrize("key", WRONG_API_KEYS)
def test_a_wrong_api_key_is_forbidden(key: KeyState | None) -> None:
    found = replace(FOUND, api_key=key)
    assert refusal(submitting(found=found)) is FORBIDDEN
    assert refusal(reading(found=found)) is FORBIDDEN
    assert refusal(lambda: authorize_registration(SENT, found)) is FORBIDDEN


def test_a_project_other_than_that_of_the_token_is_forbidden() -> None:
    assert refusal(submitting(sent=replace(SENT, project_id="another"))) is FORBIDDEN
    assert refusal(reading(sent=replace(SENT, project_id="another"))) is FORBIDDEN


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("developer_key", ErrorCode.DEVELOPER_KEY_MALFORMED),
        ("project_id", ErrorCode.PROJECT_ID_MALFORMED),
        ("api_key", ErrorCode.API_KEY_MALFORMED),
    ],
)
def test_a_malformed_header_is_named_whatever_is_stored(header: str, code: ErrorCode) -> None:
    sent = PresentedCredentials(**{**sent_headers(), header: MALFORMED})
    for found in (FOUND, replace(FOUND, api_key=None)):
        assert refusal(submitting(sent=sent, found=found)) is code
        assert refusal(reading(sent=sent, found=found)) is code
        assert refusal(partial(authorize_registration, sent, found)) is code
    assert refusal(lambda: authorize_registration(sent, None)) is code


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("developer_key", ErrorCode.DEVELOPER_KEY_REQUIRED),
        ("project_id", ErrorCode.PROJECT_ID_REQUIRED),
        ("api_key", ErrorCode.API_KEY_REQUIRED),
    ],
)
def test_submitting_needs_every_header(missing: str, code: ErrorCode) -> None:
    sent = PresentedCredentials(**{name: value for name, value in sent_headers().items() if name != missing})
    known = {"developer_key", "api_key"} - {missing}
    found = replace(
        FOUND,
        developer_key=DEVELOPER_KEY if "developer_key" in known else None,
        api_key=API_KEY if "api_key" in known else None,
    )
    assert refusal(submitting(sent=sent, found=found)) is code
    assert reading(sent=sent, found=found)() == ADA


def sent_headers() -> dict[str, str]:
    return {
        "role": "end_user",
        "developer_key": "the developer key",
        "project_id": "garden",
        "api_key": "the api key",
    }


def test_users_of_a_suspended_developer_are_forbidden() -> None:
    found = replace(FOUND, developer=AccountState("dev", active=False))
    assert refusal(submitting(found=found)) is FORBIDDEN
    assert refusal(reading(sent=NOTHING, found=found)) is FORBIDDEN


def test_a_developer_is_authorized_by_token_alone() -> None:
    state = AccountState("dev", active=True)
    admitted = authorize_developer(DEVELOPER_CLAIMS, NOTHING, state, "internal", TIERS)
    assert admitted == DeveloperIdentity("dev", TIERS["internal"])


@pytest.mark.parametrize("state", [None, AccountState("dev", active=False), AccountState("other", active=True)])
def test_a_token_of_a_deleted_developer_is_refused(state: AccountState | None) -> None:
    for tiers in (TIERS, {}):
        call = partial(authorize_developer, DEVELOPER_CLAIMS, NOTHING, state, "internal", tiers)
        assert refusal(call) is UNKNOWN


def test_an_unconfigured_tier_is_reported_only_to_authorized_callers() -> None:
    found = replace(FOUND, tier="gold")
    state = AccountState("dev", active=True)
    assert refusal(submitting(found=found)) is ErrorCode.TIER_UNAVAILABLE
    assert refusal(reading(found=found)) is ErrorCode.TIER_UNAVAILABLE
    call = refusal(lambda: authorize_developer(DEVELOPER_CLAIMS, NOTHING, state, "gold", TIERS))
    assert call is ErrorCode.TIER_UNAVAILABLE
    assert refusal(submitting(sent=replace(SENT, project_id="another"), found=found)) is FORBIDDEN


def test_an_end_user_with_another_role_header_is_no_developer() -> None:
    assert (
        refusal(lambda: authorize_developer(CLAIMS, PresentedCredentials("developer"), None, None, TIERS)) is FORBIDDEN
    )


def test_a_registration_needs_both_keys_and_the_project_but_no_token() -> None:
    assert authorize_registration(replace(SENT, role=None), FOUND) is FOUND
    without_key = replace(SENT, developer_key=None)
    assert refusal(lambda: authorize_registration(without_key, None)) is ErrorCode.DEVELOPER_KEY_REQUIRED
    assert refusal(lambda: authorize_registration(SENT, None)) is FORBIDDEN
    assert refusal(lambda: authorize_registration(SENT, replace(FOUND, project_active=False))) is FORBIDDEN


def test_the_tiers_are_those_of_the_contract() -> None:
    rows = {t.name: (t.monthly, t.concurrent, t.daily_requests) for t in TIERS.values()}
    assert rows == {
        "free_starter": (100, 1, 1_000),
        "cloud_starter": (1_000, 3, 10_000),
        "cloud_premium": (None, 10, 100_000),
        "internal": (None, None, None),
    }


def test_single_numbers_of_a_tier_are_configuration() -> None:
    tiers = tiers_with({"free_starter": {"monthly": 5, "concurrent": None}, "school": {"monthly": 7}})
    assert tiers["free_starter"] == replace(TIERS["free_starter"], monthly=5, concurrent=None)
    assert tiers["school"] == replace(TIERS["free_starter"], name="school", monthly=7)
    assert tiers["internal"] is TIERS["internal"]
    assert TIERS["free_starter"].monthly == 100
