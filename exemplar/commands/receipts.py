"""`exemplar audit check-receipt`: the checks of a picture's receipt, offline."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.audit.checkpoint_key import VerificationKey
from domain.receipts.check import Check, check_receipt
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.store_access import settings_of
from exemplar.commands.trusted_keys import trusted_keys
from exemplar.environment import ConfigurationError
from gateway.receipts.settings import ReceiptSettings

_MOST_BYTES: Final = 256 * 2**20
_NO_KEY: Final = (
    "no key: name the verification key of the log with --key (`exemplar audit key --receipts` prints it where the "
    "log is), or the folder of an `exemplar up` with --home"
)


def show_checks(
    picture: Annotated[Path, typer.Argument(help="A picture with its receipt in it, or beside it.")],
    receipt: Annotated[Path | None, typer.Option(help="The receipt, where it is not in the picture.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Trust receipts and checkpoints of this verification key; repeatable.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check the receipt of a picture, offline; exit code 1 at the first fault."""
    trusted = _trusted(key or (), home)
    data, text = _read(picture), None if receipt is None else _text(receipt)
    checks = [*check_receipt(data, trusted, text)]
    passed = all(check.passed for check in checks)
    if as_json:
        fault = next((f"{check.name}: {check.found}" for check in checks if not check.passed), None)
        print_json({"ok": passed, "fault": fault, "checks": [check._asdict() for check in checks]})
    else:
        sys.stdout.write("".join(map(_line, checks)))
    if not passed:
        raise typer.Exit(1)


def _line(check: Check) -> str:
    return f"{'ok' if check.passed else 'FAULT':<5}  {check.name:<13}  {check.found}\n"


def _trusted(keys: Sequence[str], home: Path | None) -> Sequence[VerificationKey]:
    return trusted_keys(keys, lambda: settings_of(home, ReceiptSettings).receipts_trusted, without=_NO_KEY)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror or error}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigurationError(f"{file} has more than {_MOST_BYTES} bytes: it is no picture of exemplar")
    return data


def _text(file: Path) -> str:
    return _read(file).decode(errors="replace")
