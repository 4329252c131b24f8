from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.audit import checkpoints as notes
from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.merkle import Frontier
from store.audit.checkpoints import Checkpoints, StoredCheckpoint, noted_checkpoint
from store.audit.settings import CheckpointSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checkpointer:
    """Sign with `signer`; continue from checkpoints that one of the `trusted` keys signed."""

    checkpoints: Checkpoints
    signer: SigningKey
    trusted: Sequence[VerificationKey]
    clock: Callable[[], datetime]

    async def make(self) -> StoredCheckpoint | None:
        """Sign the log as it is now; None when it has not grown since the last checkpoint.

        Only commits since the last checkpoint are hashed. Raises ContradictionError, and writes nothing, when
        the log is shorter than what was signed, has a gap, or had another root at this size, and when no
        trusted key has signed the last checkpoint.
        """
        last = await self.checkpoints.latest()
        head = await self.checkpoints.head()
        if last is not None:
            require_signed(last, self.trusted)
        frontier = last.frontier if last else Frontier()
        if head < frontier.size:
            message = f"the log ends at {head}, but {frontier.size} commits were signed"
            raise notes.ContradictionError(message, head + 1)
        if head == frontier.size:
            return None
        grown = await self.checkpoints.grown(frontier, head)
        return await self.checkpoints.record(self._signed(grown, frontier.size))

    def _signed(self, frontier: Frontier, previous: int) -> StoredCheckpoint:
        checkpoint = notes.Checkpoint(self.signer.name, frontier.size, frontier.root(), previous)
        note = notes.sign_note(checkpoint.text(), self.signer)
        return StoredCheckpoint(checkpoint.size, checkpoint.root, frontier, note, self.clock())


def require_signed(stored: StoredCheckpoint, trusted: Sequence[VerificationKey]) -> None:
    """Raise ContradictionError unless a trusted key has signed a note of this size and root."""
    try:
        notes.open_note(stored.note, trusted)
    except notes.NoteError as error:
        raise notes.ContradictionError(f"checkpoint {stored.size}: {error}", stored.size) from None
    noted_checkpoint(stored)


def open_checkpointer(
    checkpoint_settings: CheckpointSettings, checkpoints: Checkpoints, *, clock: Callable[[], datetime]
) -> Checkpointer | None:
    """Open the checkpointer of the settings; without a key log that and return None."""
    signer = checkpoint_settings.signer
    if signer is None:
        log.info("checkpoints_disabled", reason="EXEMPLAR_CHECKPOINT_KEY is not set")
        return None
    return Checkpointer(checkpoints, signer=signer, trusted=checkpoint_settings.trusted, clock=clock)
