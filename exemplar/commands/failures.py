"""Why a command about the log has nothing to show: a line for people, JSON for scripts."""

import sys
from typing import Any, Final, NoReturn

import typer

from domain.audit.checkpoints import ContradictionError
from domain.errors import ExemplarError
from exemplar.commands.output import print_json
from store.audit.proofs import NothingToProveError

NOTHING_TO_SHOW: Final = (ContradictionError, NothingToProveError, ExemplarError)
"""What `fail` prints."""


def fail(error: Exception, *, as_json: bool) -> NoReturn:
    """Print one of `NOTHING_TO_SHOW`, and exit with 1."""
    line, fields = _said(error)
    if as_json:
        print_json({"ok": False, **fields})
    else:
        sys.stderr.write(f"{line}\n")
    raise typer.Exit(1)


def _said(error: Exception) -> tuple[str, dict[str, Any]]:
    match error:
        case ContradictionError():
            return f"CONTRADICTION: {error}", {"contradiction": str(error), "position": error.position}
        case ExemplarError():
            return str(error), {"code": error.code.value, "error": str(error)}
        case _:
            return str(error), {"error": str(error)}
