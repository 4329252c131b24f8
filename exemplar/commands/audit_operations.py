"""What `exemplar audit` does: the log as those see it who check it."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from domain.audit.checkpoints import ContradictionError
from exemplar.environment import ConfigurationError, read, read_signing
from exemplar.wiring import now
from store.audit.checkpointing import Checkpointer
from store.audit.proofs import NothingToProveError, prove_event, prove_growth
from store.audit.verification import AuditReport, verify
from store.errors import StoreUnavailableError
from store.mongo.store import MongoStore
from store.settings import StoreSettings

_PROGRESS_S = 1.0
_SEALED_AT_ONCE = 500


def show_key() -> int:
    """Print the key with which anybody can verify this log's checkpoints."""
    sys.stdout.write(f"{_signer().public}\n")
    return 0


def make_checkpoint() -> int:
    """Sign the log as it is now, and print the note; the last one when nothing is new."""
    signer, trusted = _signer(), read_signing().trusted

    async def make(store: MongoStore) -> str:
        while await store.log.seal(limit=_SEALED_AT_ONCE) >= _SEALED_AT_ONCE:
            pass  # whoever writes meanwhile is not waited for
        maker = Checkpointer(store.checkpoints, signer=signer, trusted=trusted, clock=now)
        made = await maker.make() or await store.checkpoints.latest()
        if made is None:
            raise NothingToProveError("the log is empty")
        return made.note

    return _answered(make)


def prove(event_id: str) -> int:
    """Print the proof that an event is in the log."""

    async def proven(store: MongoStore) -> str:
        return _json(await prove_event(event_id, store.events, store.checkpoints, _trusted(())))

    return _answered(proven)


def prove_grown(size: int) -> int:
    """Print the proof that the log of an earlier checkpoint has only grown."""

    async def proven(store: MongoStore) -> str:
        return _json(await prove_growth(size, store.checkpoints, _trusted(())))

    return _answered(proven)


def verify_log(*, keys: Sequence[str], as_json: bool) -> int:
    """Verify everything, with progress on standard error; 1 at the first contradiction."""
    trusted = _trusted(keys)

    async def verified(store: MongoStore) -> str:
        report = await verify(store.scan, store.checkpoints, trusted, _Progress())
        return _json(_found(report)) if as_json else _told(report)

    return _answered(verified, as_json=as_json)


@dataclass(slots=True)
class _Progress:
    """Tell about once a second how far it is."""

    told: float = 0.0

    def __call__(self, position: int, head: int) -> None:
        if time.monotonic() - self.told >= _PROGRESS_S:
            self.told = time.monotonic()
            sys.stderr.write(f"{position} of {head} commits verified\n")


def _answered(ask: Callable[[MongoStore], Awaitable[str]], *, as_json: bool = False) -> int:
    try:
        sys.stdout.write(asyncio.run(_asked(ask)) + "\n")
    except ContradictionError as error:
        _complain(f"CONTRADICTION: {error}", {"ok": False, "contradiction": str(error)}, as_json=as_json)
        return 1
    except NothingToProveError as error:
        _complain(str(error), {"ok": False, "error": str(error)}, as_json=as_json)
        return 1
    return 0


async def _asked(ask: Callable[[MongoStore], Awaitable[str]]) -> str:
    store = MongoStore.open(read(StoreSettings), holder="audit", clock=now)
    try:
        return (await ask(store)).rstrip("\n")
    except StoreUnavailableError as error:
        raise ConfigurationError(f"EXEMPLAR_MONGODB_URL: MongoDB cannot be reached ({error})") from error
    finally:
        store.close()


def _complain(line: str, answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(_json(answer) + "\n")
    else:
        sys.stderr.write(f"{line}\n")


def _signer() -> SigningKey:
    signer = read_signing().signer
    if signer is None:
        raise ConfigurationError("EXEMPLAR_CHECKPOINT_KEY is not set: openssl rand -base64 32 makes one")
    return signer


def _trusted(keys: Sequence[str]) -> Sequence[VerificationKey]:
    """Read the keys that were given, else those of the environment."""
    try:
        given = tuple(VerificationKey.parse(key) for key in keys)
    except ValueError as error:
        raise ConfigurationError(f"--key: {error}") from None
    trusted = given or read_signing().trusted
    if not trusted:
        raise ConfigurationError("EXEMPLAR_CHECKPOINT_KEY is not set: nobody's checkpoints are trusted")
    return trusted


def _found(report: AuditReport) -> dict[str, Any]:
    return {
        "ok": True,
        "size": report.size,
        "root": base64.b64encode(report.root).decode(),
        "streams": report.streams,
        "checkpoints": report.checkpoints,
        "waiting": report.waiting,
    }


def _told(report: AuditReport) -> str:
    return (
        f"{report.size} commits in {report.streams} streams are as they were sealed, "
        f"{report.checkpoints} checkpoints are met, {report.waiting} commits wait for a position\n"
        f"root {base64.b64encode(report.root).decode()}"
    )


def _json(answer: dict[str, Any]) -> str:
    return json.dumps(answer, indent=2)
