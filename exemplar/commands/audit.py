"""`exemplar audit`: verify the log and print proofs. Each command imports only what it runs."""

# ruff: noqa: PLC0415 - see above

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Verify the log and print proofs.")


@app.command()
def checkpoint() -> None:
    """Sign the log as it is now and print the note."""
    from exemplar.commands.audit_operations import make_checkpoint

    raise typer.Exit(make_checkpoint())


@app.command()
def verify(
    key: Annotated[
        list[str] | None, typer.Option(help="Trust checkpoints of this verification key alone; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Verify every hash, order and signature; exit code 1 at the first contradiction."""
    from exemplar.commands.audit_operations import verify_log

    raise typer.Exit(verify_log(keys=key or (), as_json=as_json))


@app.command()
def prove(event: Annotated[str, typer.Argument(help="Event id: stream:version.")]) -> None:
    """Print the proof that an event is in the log of the latest checkpoint, as JSON."""
    from exemplar.commands.audit_operations import prove as print_proof

    raise typer.Exit(print_proof(event))


@app.command()
def grown(size: Annotated[int, typer.Argument(help="Size of an earlier checkpoint.")]) -> None:
    """Print the proof that the log has only grown since an earlier checkpoint, as JSON."""
    from exemplar.commands.audit_operations import prove_grown

    raise typer.Exit(prove_grown(size))


@app.command()
def key() -> None:
    """Print the key that verifies this log's checkpoints."""
    from exemplar.commands.audit_operations import show_key

    raise typer.Exit(show_key())
