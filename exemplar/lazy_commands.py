"""Commands whose modules are imported when they are called or completed, and not for a list of all commands."""

import importlib
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True)
class Source:
    """Where a command is: its module, and in that a function, or the `app` of a group."""

    name: str
    module: str
    attribute: str

    def load(self) -> Any:
        """Import the command."""
        found = getattr(importlib.import_module(self.module), self.attribute)
        if isinstance(found, typer.Typer):
            return get_command(found)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(self.name)(found)
        return get_command(alone)


class LazyGroup(TyperGroup):
    """A group that lists some commands by their purpose alone."""

    sources: ClassVar[dict[str, Source]] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a command to call or to complete."""
        name, command, rest = super().resolve_command(ctx, args)
        source = self.sources.get(name or "")
        return name, source.load() if source else command, rest


def add_lazily(app: typer.Typer, name: str, purpose: str, module: str, attribute: str = "app", *, panel: str) -> None:
    """Add a command to an app whose class is `LazyGroup`; panel: under which heading of the list."""
    LazyGroup.sources[name] = Source(name, module, attribute)
    app.command(name, help=purpose, rich_help_panel=panel)(_unresolved)


def _unresolved() -> None:
    raise AssertionError("the group resolves this command to its module")
