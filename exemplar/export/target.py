"""Where an export goes, and the checkpoint that it is of: the latest one, or that of the export that is continued."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from domain.audit.checkpoint_key import VerificationKey
from domain.audit.checkpoints import NoteError, checkpoint_from, open_note, split_note
from exemplar.environment import ConfigurationError
from exemplar.export.folder import ABOUT, MANIFEST, ExportFolder
from exemplar.export.request import Contents, ExportRequest, SignedNote, about
from exemplar.export.scripts import export_script
from store.audit.checkpointing import require_signed
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.proofs import NothingToProveError

_STATIC: Final = ("verify.py", "viewer/viewer.js", "viewer/viewer.css")


@dataclass(frozen=True, slots=True)
class Target:
    """What is exported where, and under which checkpoint."""

    folder: ExportFolder
    request: ExportRequest
    checkpoint: StoredCheckpoint
    note: SignedNote

    def begin(self) -> None:
        """Say what is exported, which lets it be continued; without a MANIFEST it is not complete."""
        self.folder.remove(MANIFEST)
        if not self.folder.has(ABOUT):
            self.folder.write(ABOUT, about(self.request, self.note, Contents()))
        self.folder.write("checkpoint.txt", self.note.checkpoint.encode())
        self.folder.write("key.txt", _lines(self.note.keys))
        self.folder.write("witnesses.txt", _lines(self.note.witnesses))

    def finish(self, contents: Contents) -> None:
        """Add what does not depend on the log, and what was counted."""
        package = files("exemplar.export")
        for name in _STATIC:
            self.folder.write(name, package.joinpath(name).read_bytes())
        self.folder.write("index.html", package.joinpath("viewer/index.html").read_bytes())
        told = about(self.request, self.note, contents)
        self.folder.write("viewer/data.js", export_script(told))
        self.folder.write(ABOUT, told)
        self.folder.write_manifest()


async def target_of(
    folder: ExportFolder, request: ExportRequest, checkpoints: Checkpoints, trusted: Sequence[VerificationKey]
) -> Target:
    """Choose the checkpoint of an export.

    Raises NothingToProveError without one, ConfigurationError for a folder that holds another export, and
    ContradictionError when no trusted key has signed the checkpoint.
    """
    if (begun := folder.about()) is not None:
        return await _continued(folder, request, begun, checkpoints, trusted)
    latest = await checkpoints.latest()
    if latest is None:
        raise NothingToProveError("there is no checkpoint yet: make one with `exemplar audit checkpoint`")
    require_signed(latest, trusted)
    _, signatures = split_note(latest.note)
    keys = [str(key) for key in trusted if any(one.is_of(key) for one in signatures)]
    witnesses = [str(one.witness) for one in latest.cosignatures]
    return Target(folder, request, latest, SignedNote(latest.cosigned_note, keys, witnesses))


async def _continued(
    folder: ExportFolder,
    request: ExportRequest,
    begun: dict[str, Any],
    checkpoints: Checkpoints,
    trusted: Sequence[VerificationKey],
) -> Target:
    if not request.is_of(begun):
        raise ConfigurationError(f"{folder.path} holds another export, see its {ABOUT}: name another folder")
    try:
        note = SignedNote(begun["checkpoint"], begun["keys"], begun["witnesses"])
        noted = checkpoint_from(open_note(note.checkpoint, trusted))
    except (LookupError, NoteError) as error:
        raise ConfigurationError(f"{folder.path} holds an export of another log ({error})") from None
    stored = await checkpoints.at(noted.size)
    if stored is None or stored.root != noted.root:
        raise ConfigurationError(f"{folder.path} holds an export of another log: there is no such checkpoint")
    return Target(folder, request, stored, note)


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
