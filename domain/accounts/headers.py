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


def check_form(presented: PresentedCredentials, *, required: bool) -> None:
    """Refuse the first header that is malformed, or missing where all are `required`."""
    for sent, missing, malformed in (
        (presented.developer_key, ErrorCode.DEVELOPER_KEY_REQUIRED, ErrorCode.DEVELOPER_KEY_MALFORMED),
        (presented.project_id, ErrorCode.PROJECT_ID_REQUIRED, ErrorCode.PROJECT_ID_MALFORMED),
        (presented.api_key, ErrorCode.API_KEY_REQUIRED, ErrorCode.API_KEY_MALFORMED),
    ):
        if sent == MALFORMED or (sent is None and required):
            raise ExemplarError(missing if sent is None else malformed)
