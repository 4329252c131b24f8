"""The options that every command has which reads the store."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of an `exemplar up`, running or stopped; else the store of EXEMPLAR_MONGODB_URL."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
