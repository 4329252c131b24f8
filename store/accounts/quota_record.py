from domain.errors import ErrorCode, ExemplarError
from events.developer import CorrectedUnits, QuotaCorrected
from events.envelope import Cause
from store.accounts.changes import AccountChanges
from store.quota.ledger import Account, Correction


class QuotaRecord:
    """Record a correction before the ledger is changed; a developer without a stream has no record."""

    def __init__(self, account_changes: AccountChanges) -> None:
        self._changes = account_changes

    async def __call__(self, developer: str, correction: Correction, seen: Account) -> None:
        """Append `developer.quota_corrected`, unless it is the last that was recorded."""
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
            queue=tuple(one.generation for one in correction.queue or ()),
        )
        try:
            await self._changes.correct_quota(developer, event, cause=Cause(actor=correction.by))
        except ExemplarError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
