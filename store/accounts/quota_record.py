"""Corrections of the quota ledger, as events of the developer's stream."""

from domain.accounts.developer import correct_quota
from domain.errors import ErrorCode, ExemplarError
from events.developer import CorrectedUnits, QuotaCorrected
from events.envelope import Cause
from store.accounts.developers import Developers
from store.quota.ledger import Account, Correction


class QuotaRecord:
    """Record a correction before it is made; whom the log does not know has no stream to write into."""

    def __init__(self, developers: Developers) -> None:
        self._developers = developers

    async def __call__(self, developer: str, correction: Correction, seen: Account) -> None:
        """Append `developer.quota_corrected`; nothing when it is the last that was recorded."""
        units = tuple(
            CorrectedUnits(period=month, before=seen.used_in(month), after=seen.used_in(month) + change)
            for month, change in correction.units
        )
        event = QuotaCorrected(
            correction=correction.id,
            reason="recount",
            units=units,
            taken=tuple(slot.generation for slot in correction.added),
            freed=correction.removed,
        )
        cause = Cause(actor=correction.by)
        try:
            await self._developers.decide(developer, lambda d: correct_quota(d, corrected=event), cause=cause)
        except ExemplarError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
