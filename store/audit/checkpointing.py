"""Make checkpoints: sign the size and the root of the log whenever it has grown."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import (
    Checkpoint,
    ContradictionError,
    NoteError,
    checkpoint_from,
    open_note,
    sign_note,
)
from domain.audit.merkle import Frontier
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.settings import CheckpointSettings

log = structlog.get_logger()


class Checkpointer:
    """Sign with `signer`; continue from checkpoints that one of the `trusted` keys signed."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        *,
        signer: SigningKey,
        trusted: Sequence[VerificationKey],
        clock: Callable[[], datetime],
    ) -> None:
        self._checkpoints = checkpoints
        self._signer = signer
        self._trusted = trusted
        self._clock = clock

    async def make(self) -> StoredCheckpoint | None:
        """Sign the log as it is now; None when it has not grown since the last checkpoint.

        Only commits since the last checkpoint are hashed. Raises ContradictionError, and writes nothing, when
        the log is shorter than what was signed, has a gap, or had another root at this size, and when no
        trusted key has signed the last checkpoint.
        """
        last = await self._checkpoints.latest()
        head = await self._checkpoints.head()
        if last is not None:
            require_signed(last, self._trusted)
        frontier = last.frontier if last else Frontier()
        if head < frontier.size:
            raise ContradictionError(f"the log ends at {head}, but {frontier.size} commits were signed")
        if head == frontier.size:
            return None
        grown = await self._checkpoints.grown(frontier, head)
        return await self._checkpoints.record(self._signed(grown))

    def _signed(self, frontier: Frontier) -> StoredCheckpoint:
        checkpoint = Checkpoint(self._signer.name, frontier.size, frontier.root())
        note = sign_note(checkpoint.text(), self._signer)
        return StoredCheckpoint(checkpoint.size, checkpoint.root, frontier, note, self._clock())


def require_signed(stored: StoredCheckpoint, trusted: Sequence[VerificationKey]) -> None:
    """Raise ContradictionError unless a trusted key has signed a note of this size and root."""
    try:
        signed = checkpoint_from(open_note(stored.note, trusted))
    except NoteError as error:
        raise ContradictionError(f"checkpoint {stored.size}: {error}") from None
    if (signed.size, signed.root) != (stored.size, stored.root):
        raise ContradictionError(f"checkpoint {stored.size}: the note has another size or root")


def open_checkpointer(
    settings: CheckpointSettings, checkpoints: Checkpoints, *, clock: Callable[[], datetime]
) -> Checkpointer | None:
    """Open the checkpointer of the settings; without a key log that and return None."""
    signer = settings.signer
    if signer is None:
        log.info("checkpoints_disabled", reason="EXEMPLAR_CHECKPOINT_KEY is not set")
        return None
    return Checkpointer(checkpoints, signer=signer, trusted=settings.trusted, clock=clock)
