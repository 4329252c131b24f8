"""Dependency injection by parameter name: what a function or a class names is what it gets."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")


class UnknownDependencyError(Exception):
    """Something names a dependency that nobody provides; the message says which and where."""


class Dependencies:
    """The dependencies of one process, by name.

    A value is provided as it is; a factory (a class or a function) is called once, when its name is first
    asked for, and gets its own parameters the same way.
    """

    def __init__(self, **values: object) -> None:
        self._values: dict[str, object] = dict(values)
        self._factories: dict[str, Callable[..., object]] = {}
        self._resolving: list[str] = []

    def provide(self, factories: Mapping[str, Callable[..., object]]) -> None:
        """Add factories under their names."""
        self._factories |= factories

    def set(self, **values: object) -> None:
        """Add or replace values under their names."""
        self._values |= values

    def get(self, name: str, wanted_by: str = "the composition root") -> Any:
        """Return a dependency; raises UnknownDependencyError for a name that nobody provides."""
        if name not in self._values:
            self._values[name] = self._make(name, wanted_by)
        return self._values[name]

    def call(self, function: Callable[..., Result]) -> Result:
        """Call a class or a function with everything that it names."""
        return self.bind(function)()

    def bind(self, function: Callable[..., Result], *, given: Iterable[str] = ()) -> Callable[..., Result]:
        """Fill in every parameter but those that are `given` by the caller.

        A parameter with a default that nobody provides keeps its default.
        """
        label = getattr(function, "__qualname__", repr(function))
        wanted = [name for name in _parameters(function) if name not in set(given)]
        found = {
            name: self.get(name, f"{function.__module__}.{label}")
            for name in wanted
            if self._provides(name) or not _has_default(function, name)
        }
        return partial(function, **found)

    def _provides(self, name: str) -> bool:
        return name in self._values or name in self._factories

    def _make(self, name: str, wanted_by: str) -> object:
        if name not in self._factories:
            raise UnknownDependencyError(f"{wanted_by} needs `{name}`, which the wiring does not provide")
        if name in self._resolving:
            raise UnknownDependencyError(f"{' -> '.join([*self._resolving, name])}: a circle of dependencies")
        self._resolving.append(name)
        try:
            return self.call(self._factories[name])
        finally:
            self._resolving.pop()


def _parameters(function: Callable[..., object]) -> list[str]:
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]


def _has_default(function: Callable[..., object], name: str) -> bool:
    parameter = inspect.signature(function).parameters[name]
    return parameter.default is not parameter.empty
