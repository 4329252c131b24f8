"""Why something was erased: a closed list of reasons, without free text."""

from typing import Annotated, Final, Literal

from events.event import OmittedIfNone, Part

StatedReason = Literal["complaint", "consent_withdrawn", "data_request", "incident", "legal", "not_needed"]
"""Reasons that a developer or an operator gives."""

ErasureReason = Literal[StatedReason, "owner_request", "closed"]
"""`owner_request`: the user deleted their generation; `closed`: the account or the project was deleted."""


class Grounds(Part):
    """Why something was erased; `case`: the number of a case elsewhere."""

    reason: ErasureReason
    case: Annotated[str | None, OmittedIfNone] = None


CLOSED: Final = Grounds(reason="closed")
