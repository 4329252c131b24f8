"""`exemplar audit`: checkpoints, proofs and the verification of the log."""

import base64
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import Checkpoint, checkpoint_from, open_note
from exemplar.clock import now
from exemplar.commands.export import export_log
from exemplar.commands.failures import NOTHING_TO_SHOW, fail
from exemplar.commands.invariants import check_invariants
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.progress import progress_shown
from exemplar.commands.proof_output import prove_event, prove_growth
from exemplar.commands.receipts import show_checks
from exemplar.commands.replay import replay_log
from exemplar.commands.store_access import run_on_store, settings_of
from exemplar.commands.time_travel import show_at, show_difference
from exemplar.commands.trusted_keys import trusted_keys
from exemplar.commands.verification_output import Verified
from exemplar.commands.verification_processes import VerificationProcesses
from exemplar.environment import ConfigurationError
from gateway.receipts.settings import ReceiptSettings
from store.audit.checkpointing import Checkpointer
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.commit_scan import CommitScan
from store.audit.content_scan import ContentScan
from store.audit.content_verification import ContentCheck
from store.audit.coverage import uncovered
from store.audit.picture_scan import PictureScan
from store.audit.picture_verification import verify_pictures
from store.audit.proofs import NothingToProveError
from store.audit.settings import CheckpointSettings, WitnessSettings
from store.audit.verification import verify
from store.audit.witnessing import keep_cosignatures
from store.commits.contract import EventStore
from store.log.sealed_log import SealedLog
from store.settings import RetentionSettings

_SEALED_AT_ONCE = 500
_NO_KEY: Final = (
    "no key: EXEMPLAR_CHECKPOINT_KEY is not set. Of an `exemplar up` name the folder, as --home .exemplar; "
    "elsewhere set the key of the log's scheduler"
)

Result = TypeVar("Result")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Verify the log and print proofs.",
)


app.command("at")(show_at)
app.command("diff")(show_difference)
app.command("replay")(replay_log)
app.command("invariants")(check_invariants)
app.command("export")(export_log)
app.command("check-receipt")(show_checks)


@app.command("key")
def print_key(
    receipts: Annotated[bool, typer.Option("--receipts", help="Print the key that verifies receipts.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the key that verifies this log's checkpoints."""
    settings = settings_of(home, ReceiptSettings)
    signer = settings.receipt_signer if receipts else settings.signer
    public = str(_required(signer).public)
    _print({"key": public}, public, as_json=as_json)


@app.command("checkpoint")
def make_checkpoint(home: Home = None, as_json: AsJson = False) -> None:
    """Sign the log as it is now and print the note; the latest one when nothing is new."""
    settings = settings_of(home, CheckpointSettings)
    signer, trusted = _required(settings.signer), settings.trusted

    async def make(sealed_log: SealedLog, checkpoints: Checkpoints) -> StoredCheckpoint:
        while await sealed_log.seal(limit=_SEALED_AT_ONCE) >= _SEALED_AT_ONCE:
            pass  # commits appended meanwhile are left to the next checkpoint
        checkpointer = Checkpointer(checkpoints, signer=signer, trusted=trusted, clock=now)
        made = await checkpointer.make() or await checkpoints.latest()
        if made is None:
            raise NothingToProveError("the log is empty")
        return made

    made = _result(make, home, as_json=as_json)
    note = made.cosigned_note
    _print({"size": made.size, "root": _base64(made.root), "note": note}, note, as_json=as_json)


@app.command()
def prove(
    event: Annotated[str, typer.Argument(help="Event id: stream:version.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the proof that an event is in the log of the latest checkpoint, as JSON; with --json also an error."""
    trusted = _trusted((), home)

    async def proof(events: EventStore, checkpoints: Checkpoints) -> dict[str, Any]:
        return await prove_event(event, events, checkpoints, trusted)

    print_json(_result(proof, home, as_json=as_json))


@app.command("grown")
def prove_grown(
    size: Annotated[int, typer.Argument(help="Size of an earlier checkpoint.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the proof that the log has only grown since an earlier checkpoint, as JSON; with --json also an error."""
    trusted = _trusted((), home)

    async def proof(checkpoints: Checkpoints) -> dict[str, Any]:
        return await prove_growth(size, checkpoints, trusted)

    print_json(_result(proof, home, as_json=as_json))


@app.command("cosign")
def keep_cosigned(
    note: Annotated[Path, typer.Argument(help="A checkpoint with the signatures of witnesses.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add the signatures of configured witnesses to the stored checkpoint, and print it."""
    witnesses = settings_of(home, WitnessSettings).witnesses

    async def keep(checkpoints: Checkpoints) -> StoredCheckpoint:
        try:
            return await keep_cosignatures(note.read_text(), witnesses, checkpoints)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{note}: {error}") from None

    kept = _result(keep, home, as_json=as_json)
    names = [one.witness.name for one in kept.cosignatures]
    _print({"size": kept.size, "witnesses": names, "note": kept.cosigned_note}, kept.cosigned_note, as_json=as_json)


@app.command("verify")
def verify_log(
    key: Annotated[
        list[str] | None, typer.Option(help="Trust checkpoints of this verification key alone; repeatable.")
    ] = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--against", help="A checkpoint kept elsewhere that the log must lead to; repeatable."),
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Compare the stored pictures, too.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Verify every hash, order, signature and picture, and that nothing is gone; exit code 1 at the first fault."""
    trusted, retention = _trusted(key or (), home), settings_of(home, RetentionSettings).retention
    checkpoints_kept = [_kept_checkpoint(path, trusted) for path in kept or ()]

    async def verification(
        commit_scan: CommitScan,
        checkpoints: Checkpoints,
        picture_scan: PictureScan,
        content_scan: ContentScan,
        verification_processes: VerificationProcesses,
    ) -> Verified:
        ranges = await verification_processes.ranges()
        with progress_shown("commits", "verified") as progress:
            report = await verify(commit_scan, checkpoints, trusted, progress, checkpoints_kept, ranges=ranges)
        late = await uncovered(commit_scan, checkpoints, now())
        if not pictures:
            return Verified(report, late)
        with progress_shown("pictures and pieces of them", "verified") as progress:
            seen = await verify_pictures(picture_scan, checkpoints, progress)
        check = ContentCheck(content_scan=content_scan, checkpoints=checkpoints, retention=retention, clock=now)
        with progress_shown("generations", "compared with what is kept of them") as progress:
            return Verified(report, late, seen, await check.run(progress))

    verified = _result(verification, home, as_json=as_json)
    _print(verified.fields(), verified.text(), as_json=as_json)
    if (warning := verified.warning()) is not None:
        sys.stderr.write(f"{warning}\n")
    raise typer.Exit(0 if verified.ok else 1)


def _result(command: Callable[..., Awaitable[Result]], home: Path | None, *, as_json: bool) -> Result:
    """Run a command on the store; print an error and exit with 1 when there is nothing to show."""
    try:
        return run_on_store(command, home=home, holder="audit")
    except NOTHING_TO_SHOW as error:
        fail(error, as_json=as_json)


def _print(fields: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(fields)
    else:
        sys.stdout.write(text.rstrip("\n") + "\n")


def _required(signer: SigningKey | None) -> SigningKey:
    if signer is None:
        raise ConfigurationError(_NO_KEY)
    return signer


def _trusted(keys: Sequence[str], home: Path | None) -> Sequence[VerificationKey]:
    return trusted_keys(keys, lambda: settings_of(home, CheckpointSettings).trusted, without=_NO_KEY)


def _kept_checkpoint(path: Path, trusted: Sequence[VerificationKey]) -> Checkpoint:
    try:
        return checkpoint_from(open_note(path.read_text(), trusted))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--against {path}: {error}") from None


def _base64(root: bytes) -> str:
    return base64.b64encode(root).decode()
