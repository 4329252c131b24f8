"""`exemplar audit`: checkpoints, proofs and the verification of the log."""

import base64
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import ContradictionError
from exemplar.clock import now
from exemplar.commands.store_access import run_on_store
from exemplar.environment import ConfigurationError, read
from store.audit.checkpointing import Checkpointer
from store.audit.checkpoints import Checkpoints
from store.audit.commit_scan import CommitScan
from store.audit.proofs import NothingToProveError, prove_event, prove_growth
from store.audit.settings import CheckpointSettings
from store.audit.verification import AuditReport, verify
from store.commits.contract import EventStore
from store.log.sealed_log import SealedLog

_PROGRESS_S = 1.0
_SEALED_AT_ONCE = 500

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Verify the log and print proofs.",
)


@app.command("key")
def print_key() -> None:
    """Print the key that verifies this log's checkpoints."""
    sys.stdout.write(f"{_signer().public}\n")


@app.command("checkpoint")
def make_checkpoint() -> None:
    """Sign the log as it is now and print the note; the latest one when nothing is new."""
    signer, trusted = _signer(), read(CheckpointSettings).trusted

    async def make(sealed_log: SealedLog, checkpoints: Checkpoints) -> str:
        while await sealed_log.seal(limit=_SEALED_AT_ONCE) >= _SEALED_AT_ONCE:
            pass  # commits appended meanwhile are left to the next checkpoint
        checkpointer = Checkpointer(checkpoints, signer=signer, trusted=trusted, clock=now)
        made = await checkpointer.make() or await checkpoints.latest()
        if made is None:
            raise NothingToProveError("the log is empty")
        return made.note

    _print_result(make)


@app.command()
def prove(event: Annotated[str, typer.Argument(help="Event id: stream:version.")]) -> None:
    """Print the proof that an event is in the log of the latest checkpoint, as JSON."""

    async def proof(events: EventStore, checkpoints: Checkpoints) -> str:
        return _json(await prove_event(event, events, checkpoints, _trusted(())))

    _print_result(proof)


@app.command("grown")
def prove_grown(size: Annotated[int, typer.Argument(help="Size of an earlier checkpoint.")]) -> None:
    """Print the proof that the log has only grown since an earlier checkpoint, as JSON."""

    async def proof(checkpoints: Checkpoints) -> str:
        return _json(await prove_growth(size, checkpoints, _trusted(())))

    _print_result(proof)


@app.command("verify")
def verify_log(
    key: Annotated[
        list[str] | None, typer.Option(help="Trust checkpoints of this verification key alone; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify every hash, order and signature; exit code 1 at the first contradiction."""
    trusted = _trusted(key or ())

    async def verification(commit_scan: CommitScan, checkpoints: Checkpoints) -> str:
        report = await verify(commit_scan, checkpoints, trusted, _Progress())
        return _json(_fields(report)) if as_json else _text(report)

    _print_result(verification, as_json=as_json)


@dataclass(slots=True)
class _Progress:
    """Print the progress about once a second."""

    last_printed: float = 0.0

    def __call__(self, position: int, head: int) -> None:
        if time.monotonic() - self.last_printed >= _PROGRESS_S:
            self.last_printed = time.monotonic()
            sys.stderr.write(f"{position} of {head} commits verified\n")


def _print_result(command: Callable[..., Awaitable[str]], *, as_json: bool = False) -> None:
    try:
        sys.stdout.write(run_on_store(command, holder="audit").rstrip("\n") + "\n")
    except ContradictionError as error:
        _print_failure(f"CONTRADICTION: {error}", {"ok": False, "contradiction": str(error)}, as_json=as_json)
        raise typer.Exit(1) from None
    except NothingToProveError as error:
        _print_failure(str(error), {"ok": False, "error": str(error)}, as_json=as_json)
        raise typer.Exit(1) from None


def _print_failure(line: str, fields: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(_json(fields) + "\n")
    else:
        sys.stderr.write(f"{line}\n")


def _signer() -> SigningKey:
    signer = read(CheckpointSettings).signer
    if signer is None:
        raise ConfigurationError("EXEMPLAR_CHECKPOINT_KEY is not set: openssl rand -base64 32 makes one")
    return signer


def _trusted(keys: Sequence[str]) -> Sequence[VerificationKey]:
    """Parse the given keys; without any, use those of the environment."""
    try:
        given = tuple(VerificationKey.parse(key) for key in keys)
    except ValueError as error:
        raise ConfigurationError(f"--key: {error}") from None
    trusted = given or read(CheckpointSettings).trusted
    if not trusted:
        raise ConfigurationError("EXEMPLAR_CHECKPOINT_KEY is not set: no checkpoint is trusted")
    return trusted


def _fields(report: AuditReport) -> dict[str, Any]:
    return {"ok": True, **asdict(report), "root": base64.b64encode(report.root).decode()}


def _text(report: AuditReport) -> str:
    return (
        f"{report.size} commits in {report.streams} streams are as they were sealed, "
        f"{report.checkpoints} checkpoints are met, {report.waiting} commits wait for a position\n"
        f"root {base64.b64encode(report.root).decode()}"
    )


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, indent=2)
