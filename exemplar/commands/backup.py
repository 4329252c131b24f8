"""`exemplar backup`: make, check and restore backups of the database."""

import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from domain.moments import EXPECTED, parse_moment
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_fields, print_json
from exemplar.commands.progress import progress_shown
from exemplar.commands.store_access import run_on_store
from exemplar.environment import ConfigurationError
from store.adapters import create_all_indexes
from store.backup.folder import Backup, BackupError, BackupFolder, moment_text
from store.backup.making import BackupMaker
from store.backup.restoring import BackupRestorer
from store.mongo.connection import Database

app: Final = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup.")]


@app.command()
def create(folder: Folder, home: Home = None, as_json: AsJson = False) -> None:
    """Back up the running system into a new folder; with the same folder again, add what has changed since."""

    async def run(backup_maker: BackupMaker) -> Backup:
        with progress_shown("documents", "copied") as progress:
            return await backup_maker.make(BackupFolder(folder), progress)

    try:
        backup = run_on_store(run, home=home, holder="backup")
    except BackupError as error:
        _fail(error, as_json=as_json)
    print_fields(_described(folder, backup), as_json=as_json)


@app.command()
def check(folder: Folder, as_json: AsJson = False) -> None:
    """Compare every file of a backup with its SHA-256, without a database; exit code 1 for a damaged one."""
    opened = BackupFolder(folder)
    try:
        backup = opened.complete()
        with progress_shown("files", "checked") as progress:
            for number, file in enumerate(backup.files, 1):
                opened.check(file)
                progress(number, len(backup.files))
    except BackupError as error:
        _fail(error, as_json=as_json)
    print_fields(_described(folder, backup), as_json=as_json)


@app.command()
def restore(
    folder: Folder,
    at: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="The state of this moment (RFC 3339); by default the last.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty database, while no process of the product runs on it."""
    moment = None if at is None else parse_moment(at)
    if at is not None and moment is None:
        raise ConfigurationError(f"--at {EXPECTED}")

    async def run(backup_restorer: BackupRestorer, database: Database) -> datetime:
        with progress_shown("documents", "restored") as progress:
            return await backup_restorer.restore(
                BackupFolder(folder), moment, progress, partial(create_all_indexes, database)
            )

    try:
        restored = run_on_store(run, home=home, holder="backup")
    except BackupError as error:
        _fail(error, as_json=as_json)
    print_fields({"restored_at_moment": restored, "next": "exemplar audit verify"}, as_json=as_json)


def _described(folder: Path, backup: Backup) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "database": backup.database,
        "documents": sum(file.documents for file in backup.copies.values()),
        "changes": sum(file.documents for file in backup.changes),
        "bytes": sum(file.bytes for file in backup.files),
        "restorable_from": moment_text(backup.begin or 0),
        "restorable_to": moment_text(backup.end or 0),
    }


def _fail(error: BackupError, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"ok": False, "error": str(error)})
    else:
        sys.stderr.write(f"{error}\n")
    raise typer.Exit(1)
