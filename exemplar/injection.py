"""Dependency injection by parameter name: what a function or a class names is what it gets."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeVar

from pydantic_settings import BaseSettings

Result = TypeVar("Result")

_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class UnknownDependencyError(Exception):
    """A parameter names a dependency that is not provided; the message says which and where."""

    holds_no_data = True


class Dependencies:
    """The dependencies of one process, by name.

    A value is provided as it is; a factory (a class or a function) is called once, when its name is first
    asked for, and gets its own parameters the same way. A parameter with the name of its class, as
    `generation_access: GenerationAccess`, needs no factory: the class is one.
    """

    def __init__(self, factories: Mapping[str, Callable[..., object]], **values: object) -> None:
        self._factories = factories
        self._values: dict[str, object] = dict(values)
        self._resolving: list[str] = []

    def set(self, **values: object) -> None:
        """Add or replace values under their names."""
        self._values |= values

    def get(self, name: str, wanted_by: str = "the composition root", kind: object = None) -> Any:
        """Return a dependency; raises UnknownDependencyError for a name that is not provided."""
        if name not in self._values:
            self._values[name] = self._make(name, wanted_by, kind)
        return self._values[name]

    def call(self, function: Callable[..., Result]) -> Result:
        """Call a class or a function with everything that it names."""
        return self.bind(function)()

    def bind(self, function: Callable[..., Result], *, given: Collection[str] = ()) -> Callable[..., Result]:
        """Fill in every parameter but those that are `given` by the caller.

        A parameter that is not provided keeps its default.
        """
        wanted_by = f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
        wanted = {
            name: self.get(name, wanted_by, kind)
            for name, kind, required in _parameters(function)
            if name not in given and (required or self._provides(name))
        }
        return partial(function, **wanted)

    def _provides(self, name: str) -> bool:
        return name in self._values or name in self._factories

    def _make(self, name: str, wanted_by: str, kind: object) -> object:
        factory = self._factories.get(name, kind)
        if not callable(factory) or not (name in self._factories or _is_named(kind, name)):
            raise UnknownDependencyError(f"{wanted_by} needs `{name}`, which the wiring does not provide")
        if name in self._resolving:
            raise UnknownDependencyError(f"{' -> '.join([*self._resolving, name])}: a cycle of dependencies")
        self._resolving.append(name)
        try:
            return self.call(factory)
        finally:
            self._resolving.pop()


@lru_cache(maxsize=1024)
def _parameters(function: Callable[..., object]) -> Sequence[tuple[str, object, bool]]:
    """List the parameters that can be given by name: name, annotation, and whether it has no default."""
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.annotation, one.default is one.empty) for one in found if one.kind in _KINDS]


def snake_case(name: str) -> str:
    """Write the name of a class as that of a dependency."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _is_named(kind: object, name: str) -> bool:
    """Tell whether a parameter has the name of its class, which is no protocol and no settings."""
    if not isinstance(kind, type) or issubclass(kind, BaseSettings) or getattr(kind, "_is_protocol", False):
        return False
    return snake_case(kind.__name__) == name
