"""Kinds of values in queries and bodies that several routes read."""

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from domain.moments import EXPECTED, parse_moment
from events.catalogue import CATALOGUE
from gateway.http.parsing import as_id

_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


def _id(text: str) -> str:
    if (found := as_id(text)) is None:
        raise ValueError("is no UUID")
    return found


def _event_type(text: str) -> str:
    if CATALOGUE.get(text) is None:
        raise ValueError("is no type of an event")
    return text


def _moment(sent: object) -> datetime:
    """Read text alone: Pydantic would take a number for seconds since 1970, which the document does not offer."""
    if not isinstance(sent, str) or (found := parse_moment(sent)) is None:
        raise ValueError(EXPECTED)
    return found


def _digits(sent: object) -> object:
    """Refuse what pydantic would read as a number: signs, spaces, points."""
    if isinstance(sent, str) and _DIGITS.fullmatch(sent) is None:
        raise ValueError("must be a whole number, from 0")
    return sent


Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "format": "uuid"})]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Number = Annotated[int, BeforeValidator(_digits)]
EventTypeName = Annotated[str, AfterValidator(_event_type)]
Text = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
ConsumerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
