"""No event can hold personal data: each of its fields has been reviewed."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import AwareDatetime, BaseModel

from events.catalogue import CATALOGUE
from tests.events.reviewed_fields import REVIEWED_FIELDS

LEAF_TYPES = {str: "str", int: "int", float: "float", bool: "bool", AwareDatetime: "time", NoneType: "None"}


def fields_of(cls: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Name every field of a class and of the classes inside it, with its type."""
    fields: dict[str, str] = {}
    for name, field in cls.model_fields.items():
        fields |= leaves_of(field.annotation, prefix + name)
    return fields


def leaves_of(annotation: Any, path: str) -> dict[str, str]:
    if get_origin(annotation) is tuple:
        item, *rest = get_args(annotation)
        assert rest == [Ellipsis], path
        return leaves_of(item, f"{path}[]")
    if (part := part_of(annotation)) is not None:
        return fields_of(part, f"{path}.")
    return {path: type_name(annotation)}


def part_of(annotation: Any) -> type[BaseModel] | None:
    """Return the class of a part of an event, also of one that may be missing; None for a leaf."""
    first, *others = [one for one in get_args(annotation) or (annotation,) if one is not NoneType] or [NoneType]
    return first if not others and isinstance(first, type) and issubclass(first, BaseModel) else None


def type_name(annotation: Any) -> str:
    """Write a leaf's type; a type that is not listed, such as `Any` or `dict`, is refused."""
    kind = get_origin(annotation)
    if kind in (Union, UnionType):
        return " | ".join(map(type_name, get_args(annotation)))
    if kind is Literal:
        return " | ".join(map(repr, get_args(annotation)))
    return LEAF_TYPES[annotation]


def test_every_event_has_exactly_the_reviewed_fields() -> None:
    for row in CATALOGUE.rows:
        assert fields_of(row.cls) == REVIEWED_FIELDS[row.name], row.name


def test_no_event_type_is_reviewed_that_does_not_exist() -> None:
    assert REVIEWED_FIELDS.keys() == {row.name for row in CATALOGUE.rows}


@pytest.mark.parametrize("annotation", [Any, dict[str, str], list[str], bytes, object])
def test_a_field_of_an_open_type_is_refused(annotation: Any) -> None:
    with pytest.raises(KeyError):
        leaves_of(annotation, "anything")
