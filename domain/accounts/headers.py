"""The form of the headers that go with a token, which says nothing of what is stored."""

from dataclasses import dataclass
from typing import Final

from domain.errors import ErrorCode, ExemplarError

MALFORMED: Final = ""
"""Stands for a header that is sent twice, too long or of another form: it matches no role, no id and no key."""


@dataclass(frozen=True, slots=True)
class PresentedCredentials:
    """The headers of a request: None was not sent, `MALFORMED` is none of its form."""

    role: str | None = None
    developer_key: str | None = None
    project_id: str | None = None
    api_key: str | None = None


def check_developer_key(presented: PresentedCredentials, *, required: bool) -> None:
    """Refuse a developer key that is malformed, or missing where it is `required`."""
    sent = presented.developer_key
    _check(sent, ErrorCode.DEVELOPER_KEY_REQUIRED, ErrorCode.DEVELOPER_KEY_MALFORMED, required=required)


def check_project_and_api_key(presented: PresentedCredentials, *, required: bool) -> None:
    """Refuse the first of these headers that is malformed, or missing where both are `required`."""
    project, key = presented.project_id, presented.api_key
    _check(project, ErrorCode.PROJECT_ID_REQUIRED, ErrorCode.PROJECT_ID_MALFORMED, required=required)
    _check(key, ErrorCode.API_KEY_REQUIRED, ErrorCode.API_KEY_MALFORMED, required=required)


def _check(sent: str | None, missing: ErrorCode, malformed: ErrorCode, *, required: bool) -> None:
    if sent is None and required:
        raise ExemplarError(missing)
    if sent == MALFORMED:
        raise ExemplarError(malformed)
