from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from domain.controls import controls as rules
from domain.controls.controls import STREAM, Control, Controls, Decision, Target, fold
from domain.errors import ErrorCode, ExemplarError
from events.commit import Commit
from events.envelope import Cause
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.controls.current import CurrentControls
from store.controls.documents import CURRENT, document_of
from store.mongo.connection import Database, reachable


class ControlChanges:
    """Append each change of the controls, and write the document that all processes read in one transaction."""

    def __init__(
        self,
        database: Database,
        events: EventStore,
        current_controls: CurrentControls,
        *,
        clock: Callable[[], datetime],
        announce: Callable[[Commit], None] = lambda _: None,
    ) -> None:
        self._controls = database["controls"]
        self._developers = database["developers"]
        self._projects = database["projects"]
        self._current = current_controls
        self._streams = Repository(events, fold=fold, announce=announce, clock=clock)

    async def apply(self, control: Control, *, cause: Cause) -> Controls:
        """Put a control in force, or change it; return the controls. Raises as the decision, and StoreError."""
        return await self._decide(partial(rules.apply, wanted=control), cause)

    async def lift(self, target: Target, *, cause: Cause) -> Controls:
        """End a control, if it is in force; return the controls."""
        return await self._decide(partial(rules.lift, target=target), cause)

    async def developer_of(self, target: Target) -> str | None:
        """Name the developer whom a target concerns, None for all; `not_found` for an unknown subject."""
        if target.kind not in ("developer", "project"):
            return None
        owned = target.kind == "project"
        with reachable():
            found = await (self._projects if owned else self._developers).find_one(
                {"_id": target.subject}, {"developer_id": 1}
            )
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return str(found["developer_id"] if owned else found["_id"])

    async def _decide(self, decision: Callable[[Controls], Decision], cause: Cause) -> Controls:
        async def write(before: Controls | None, commit: Commit, session: Any) -> None:
            document = document_of(fold(commit.events, before))
            await self._controls.replace_one({"_id": CURRENT}, document, upsert=True, session=session)

        try:
            await self._streams.decide(STREAM, lambda known: decision(known or Controls()), cause=cause, write=write)
        finally:  # also when the outcome is unknown
            self._current.forget()
        return await self._current.fresh()
