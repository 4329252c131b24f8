"""The options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from domain.case_number import CASE, EXPECTED
from exemplar.environment import ConfigurationError

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of an `exemplar up`, running or stopped; else the store of EXEMPLAR_MONGODB_URL."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Case = Annotated[str | None, typer.Option(help="Number of a case elsewhere; no personal data.")]


def require_case(case: str | None) -> None:
    """Refuse what is no number of a case (ConfigurationError)."""
    if case is not None and CASE.fullmatch(case) is None:
        raise ConfigurationError(f"--case: {EXPECTED}: the log keeps it for ever")
