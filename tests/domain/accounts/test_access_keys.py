"""What an access key may do: for one user of one project, until it is revoked or ends, within its scopes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.accounts.access import AccountState, Claims, Identity, Role, Tenancy, authorize_end_user
from domain.accounts.access_keys import (
    ACCESS_KEYS,
    AccessKeyState,
    Scope,
    ordered_scopes,
    require_capacity,
    require_scope,
)
from domain.accounts.headers import PresentedCredentials
from domain.accounts.tiers import TIERS
from domain.errors import ErrorCode, ExemplarError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = NOW + timedelta(days=1)
CLAIMS = Claims("ada", Role.END_USER, "garden", "", "ek", END, access_key="ek")
KEY = AccessKeyState("ek", "dev", "garden", "ada", frozenset({"read"}), END, active=True, last_used_at=None)
FOUND = Tenancy(
    project_id="garden",
    project_active=True,
    developer=AccountState("dev", active=True),
    tier="free_starter",
    user=AccountState("ada", active=True, epoch=3),
    access_key=KEY,
)
NOTHING = PresentedCredentials()


def authorized(found: Tenancy | None = FOUND, sent: PresentedCredentials = NOTHING, now: datetime = NOW) -> Identity:
    return authorize_end_user(CLAIMS, sent, found, TIERS, now=now, all_headers=True)


def test_an_access_key_alone_is_enough_to_submit_also_after_a_change_of_the_password() -> None:
    assert authorized() == Identity("ada", "garden", "dev", TIERS["free_starter"], frozenset({"read"}))


REFUSED = [
    None,
    replace(FOUND, access_key=None),
    replace(FOUND, access_key=replace(KEY, active=False)),
    replace(FOUND, access_key=replace(KEY, id="other")),
    replace(FOUND, access_key=replace(KEY, user_id="bob")),
    replace(FOUND, access_key=replace(KEY, project_id="kitchen")),
    replace(FOUND, access_key=replace(KEY, developer_id="other")),
    replace(FOUND, access_key=replace(KEY, expires_at=NOW)),
    replace(FOUND, user=None),
    replace(FOUND, user=AccountState("ada", active=False)),
    replace(FOUND, user=AccountState("bob", active=True)),
    replace(FOUND, project_active=False),
]


@pytest.mark.parametrize("found", REFUSED)
def test_a_revoked_expired_or_foreign_key_is_refused(found: Tenancy | None) -> None:
    with pytest.raises(ExemplarError) as refused:
        authorized(found)
    assert refused.value.code is ErrorCode.INVALID_CREDENTIALS


def test_a_key_without_an_end_does_not_expire() -> None:
    endless = replace(FOUND, access_key=replace(KEY, expires_at=None))
    assert authorized(endless, now=NOW + timedelta(days=9999)).user_id == "ada"


@pytest.mark.parametrize(
    "sent",
    [
        PresentedCredentials(role="developer"),
        PresentedCredentials(project_id="kitchen"),
        PresentedCredentials(developer_key="wrong"),
        PresentedCredentials(api_key="wrong"),
    ],
)
def test_headers_that_are_sent_beside_a_key_must_match(sent: PresentedCredentials) -> None:
    with pytest.raises(ExemplarError):
        authorized(sent=sent)


@pytest.mark.parametrize(
    ("scopes", "needed", "code"),
    [
        (None, None, None),
        (None, Scope.MANAGE, None),
        ({"read", "manage"}, Scope.READ, None),
        ({"read"}, Scope.GENERATE, ErrorCode.INSUFFICIENT_SCOPE),
        ({"manage", "a later scope"}, Scope.READ, ErrorCode.INSUFFICIENT_SCOPE),
        (set(Scope), None, ErrorCode.FORBIDDEN),
    ],
)
def test_a_scope_is_needed_and_the_account_is_out_of_reach(
    scopes: set[str] | None, needed: Scope | None, code: ErrorCode | None
) -> None:
    chosen = None if scopes is None else frozenset(scopes)
    if code is None:
        require_scope(chosen, needed)
        return
    with pytest.raises(ExemplarError) as refused:
        require_scope(chosen, needed)
    assert refused.value.code is code


def test_scopes_are_written_in_one_order_each_once() -> None:
    assert ordered_scopes(["manage", "generate", "manage"]) == (Scope.GENERATE, Scope.MANAGE)
    with pytest.raises(ValueError, match="owner"):
        ordered_scopes(["owner"])


def test_a_user_has_capacity_for_a_number_of_keys() -> None:
    require_capacity(ACCESS_KEYS - 1)
    with pytest.raises(ExemplarError) as refused:
        require_capacity(ACCESS_KEYS)
    assert refused.value.code is ErrorCode.KEY_LIMIT
