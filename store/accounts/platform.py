"""Changes of operators and auditors: a draft, then the event of stream `platform`, then the document."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import structlog

from domain.accounts import platform as rules
from domain.accounts.access import Role
from domain.accounts.platform import STREAM, Decision, Platform, StaffRole, evolve
from events.envelope import Cause, RecordedEvent
from events.platform import (
    PlatformEvent,
    StaffCreated,
    StaffDeleted,
    StaffDraftWithdrawn,
    StaffPasswordChanged,
)
from store.accounts.decisions import record
from store.accounts.drafts import AccountDrafts, Stands
from store.accounts.projector import OWN_PASSWORD, activate, validate
from store.accounts.records import StaffRecord, staff_from
from store.accounts.stale_drafts import StaleDraft
from store.accounts.user_changes import NewPassword, person, random_change
from store.commits.contract import EventStore
from store.errors import OutcomeUnknownError, StoreUnavailableError
from store.mongo.connection import Database, reachable

_NOBODY = ""  # the platform belongs to no developer

log = structlog.get_logger()


class PlatformChanges:
    """Take people on, and let them go. The stream is short: it is folded anew for each change."""

    def __init__(
        self,
        database: Database,
        events: EventStore,
        drafts: AccountDrafts,
        *,
        clock: Callable[[], datetime],
        new_change: Callable[[], str] = random_change,
    ) -> None:
        self._staff = database["staff"]
        self._noted = database["platform"]
        self._events = events
        self._drafts = drafts
        self._clock = clock
        self._new_change = new_change

    async def create_staff(
        self,
        staff_id: str,
        role: Role,
        *,
        email: str,
        password_hash: str,
        cause: Cause,
        full_name: str | None = None,
    ) -> StaffRecord:
        """Make an account; `AlreadyExistsError` when the address is taken."""
        document = {**person(staff_id, email, password_hash, full_name), "role": role.value}
        async with self._drafts.of_new("staff", document, settle=lambda _: self.catch_up()) as made:
            staff, as_what = made.document["_id"], cast("StaffRole", role.value)
            await self._decide(lambda p: rules.create_staff(p, staff=staff, role=as_what), cause, made.stands)
        return staff_from(made.document)

    async def change_password(self, staff_id: str, new: NewPassword, *, cause: Cause) -> None:
        """Set one's own password: every session is over but the one in which it is done."""
        owner, change = {"_id": staff_id, "active": True}, self._new_change()
        fields = {"password_hash": new.hash, "kept_session": new.kept_session}
        proved = {"password_hash": new.proved}
        async with self._drafts.of_change("staff", owner, change, fields, proved=proved) as stands:
            await self._decide(
                lambda p: rules.change_password(p, staff=staff_id, change=change), cause, stands
            )

    async def delete_staff(self, staff_id: str, *, cause: Cause) -> None:
        """Delete an account; its tokens are void at once."""
        await self._decide(lambda p: rules.delete_staff(p, staff=staff_id), cause)

    async def withdraw(self, draft: StaleDraft, *, cause: Cause, stands: Stands) -> None:
        """Move the log on, so that a draft's maker cannot append without asking for it again."""
        await self._decide(
            lambda p: rules.withdraw_draft(p, staff=draft.id, change=draft.change), cause, stands
        )

    async def history(self) -> list[RecordedEvent]:
        """Read every change of the platform's people, oldest first."""
        return [event for commit in await self._events.read(STREAM) for event in commit.events]

    async def catch_up(self) -> Platform:
        """Write into the documents what the log says and they do not; return the platform."""
        with reachable():
            noted = await self._noted.find_one({"_id": STREAM})
        known = noted["version"] if noted else 0
        platform = Platform()
        for recorded in await self.history():
            platform = evolve(platform, recorded)
            if recorded.version > known:
                await self._apply(recorded)
        if platform.version > known:
            with reachable():
                note = {"$max": {"version": platform.version}}
                await self._noted.update_one({"_id": STREAM}, note, upsert=True)
        return platform

    async def _decide(
        self, decision: Callable[[Platform], Decision], cause: Cause, stands: Stands | None = None
    ) -> None:
        recorded = await record(
            STREAM,
            decision,
            look=self.catch_up,
            events=self._events,
            cause=cause,
            clock=self._clock,
            stands=stands,
        )
        if recorded is None:
            return
        _, commit = recorded
        try:
            platform = await self.catch_up()
        except StoreUnavailableError as error:
            # It stands in the log: whoever takes it for refused would take its draft away.
            raise OutcomeUnknownError(commit.id) from error
        log.info("platform changed", version=platform.version)

    async def _apply(self, recorded: RecordedEvent) -> None:
        """Write one event into the document it is about; repeatable."""
        event = cast("PlatformEvent", recorded.event)
        owner: dict[str, Any] = {"_id": event.staff}
        with reachable():
            match event:
                case StaffCreated():
                    await activate(self._staff, owner)
                case StaffPasswordChanged():
                    await validate(self._staff, owner, event.change, OWN_PASSWORD)
                case StaffDeleted():
                    await self._staff.delete_one(owner)
                case StaffDraftWithdrawn():
                    pass  # a draft never was more than that
