"""`exemplar audit export`: the log as files that anybody verifies and views without exemplar."""

import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.audit.checkpoint_key import VerificationKey
from exemplar.commands.failures import NOTHING_TO_SHOW, fail
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.progress import progress_shown
from exemplar.commands.store_access import run_on_store, settings_of
from exemplar.environment import ConfigurationError
from exemplar.export.access_record import ExportRecords
from exemplar.export.exporter import Exporter
from exemplar.export.folder import ExportFolder
from exemplar.export.request import Contents, ExportRequest
from exemplar.export.target import Target, target_of
from store.audit.checkpoints import Checkpoints
from store.audit.settings import CheckpointSettings


def export_log(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or that of an interrupted export.")],
    project: Annotated[str | None, typer.Option(metavar="ID", help="Only what belongs to a project.")] = None,
    generation: Annotated[str | None, typer.Option(metavar="ID", help="Only the stream of a generation.")] = None,
    pictures: Annotated[bool, typer.Option(help="Also the pictures, which are personal data.")] = True,
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the log of the latest checkpoint to a folder, with what verifies and shows it; repeat to continue."""
    if project is not None and generation is not None:
        raise ConfigurationError("--project and --generation exclude each other")
    request = ExportRequest(generation=generation, project=project, with_pictures=pictures)
    trusted = settings_of(home, CheckpointSettings).trusted
    try:
        target, contents = run_on_store(_Export(ExportFolder(folder), request, trusted).run, home=home, holder="audit")
    except NOTHING_TO_SHOW as error:
        fail(error, as_json=as_json)
    _print(target, contents, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Export:
    """An export with the options of the command."""

    folder: ExportFolder
    request: ExportRequest
    trusted: Sequence[VerificationKey]

    async def run(
        self, exporter: Exporter, checkpoints: Checkpoints, export_records: ExportRecords
    ) -> tuple[Target, Contents]:
        with self.folder.opened(), progress_shown("positions", "exported") as progress:
            target = await target_of(self.folder, self.request, checkpoints, self.trusted)
            await export_records.record(self.request)
            return target, await exporter.export(target, progress)


def _print(target: Target, contents: Contents, *, as_json: bool) -> None:
    folder, checkpoint = target.folder.path, target.checkpoint
    if as_json:
        fields: dict[str, Any] = {"folder": str(folder), "size": checkpoint.size}
        fields |= {"root": base64.b64encode(checkpoint.root).decode(), "keys": target.note.keys}
        counted = {name: getattr(contents, name) for name in ("commits", "events", "pictures")}
        print_json({"ok": True, **fields, **counted})
        return
    sys.stdout.write(
        f"{contents.commits} commits with {contents.events} events and {contents.pictures} pictures are in {folder}\n"
        f"view them:   open {folder / 'index.html'}\n"
        f"verify them: python3 -I {folder / 'verify.py'} {folder} --key '{target.note.keys[0]}'\n"
    )
