"""The options that the commands for users have."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of a running `exemplar up`; found by itself where it is .exemplar or EXEMPLAR_HOME."),
]
ProfileName = Annotated[str | None, typer.Option("--profile", help="Profile that `exemplar login` saved.")]
GenerationId = Annotated[str, typer.Argument(metavar="ID", help="Id of a generation.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File or folder for the picture; else this folder.")
]
Timeout = Annotated[
    float, typer.Option(min=0, help="Seconds to wait at most, 0 to look once; the generation goes on after them.")
]
LONGEST = 2400.0
"""Seconds: longer than any generation takes."""
