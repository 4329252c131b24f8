"""The schemas of the document, derived from the types of what is read and answered."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, TypeAdapter
from typing_extensions import is_typeddict

from gateway.openapi.values import COMPONENT

Schema = dict[str, Any]

_PREFIX: Final = "#/components/schemas/"


def ref(name: str) -> Schema:
    """Refer to a schema of the document."""
    return {"$ref": f"{_PREFIX}{name}"}


class Schemas:
    """Collects the schemas of types under their names; ValueError where two types have one name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._known: dict[Any, Schema] = {}

    def of(self, kind: Any, mode: Literal["validation", "serialization"] = "serialization") -> Schema:
        """Describe a type; one that has a name is described once and referred to."""
        if (kind, mode) not in self._known:
            self._known[kind, mode] = self._described(kind, mode)
        return self._known[kind, mode]

    def _described(self, kind: Any, mode: Literal["validation", "serialization"]) -> Schema:
        written = TypeAdapter(kind).json_schema(ref_template=f"{_PREFIX}{{model}}", mode=mode)
        for name, schema in written.pop("$defs", {}).items():
            self.add(name, schema)
        if not _is_named(kind):
            return dict(_plain(written))
        self.add(kind.__name__, written)
        return ref(kind.__name__)

    def fields_of(self, model: type[BaseModel]) -> Schema:
        """Describe the fields of a query."""
        written = model.model_json_schema(ref_template=f"{_PREFIX}{{model}}")
        for name, schema in written.pop("$defs", {}).items():
            self.add(name, schema)
        return {"properties": _plain(written["properties"]), "required": written.get("required", [])}

    def add(self, name: str, schema: Mapping[str, Any]) -> None:
        """Add a schema under a name."""
        plain = _plain(schema)
        if self.components.setdefault(name, plain) != plain:
            raise ValueError(f"two schemas are called {name}")


def _is_named(kind: Any) -> bool:
    return is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _plain(schema: Any) -> Any:
    """Leave out the titles, which repeat names, and resolve references to what no type describes."""
    match schema:
        case Mapping() if COMPONENT in schema:
            return ref(schema[COMPONENT])
        case Mapping():
            return dict(_members(schema))
        case list():
            return [_plain(one) for one in schema]
        case _:
            return schema


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name == "title" and isinstance(value, str):
            continue
        yield name, value if name in ("default", "example", "examples", "const", "enum") else _plain(value)
