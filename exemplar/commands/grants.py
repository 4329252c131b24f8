"""`exemplar accounts grant`: let an operator or auditor read personal data for a time and a reason."""

import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer

from domain.moments import EXPECTED, parse_moment
from events.developer import GrantReason
from exemplar.clock import now
from exemplar.commands.options import AsJson, Case, Home, require_case
from exemplar.commands.output import print_fields, print_json, print_table
from exemplar.commands.store_access import administer
from exemplar.environment import ConfigurationError

_LONGEST: Final = timedelta(days=90)

Staff = Annotated[str, typer.Argument(help="Id or e-mail of the operator or auditor.")]


def grant_access(
    name: Staff,
    *,
    reason: Annotated[GrantReason, typer.Option(help="Why; users and developers can see it.")],
    until: Annotated[str, typer.Option(help="End: a moment, or a time from now, as 90m, 8h or 7d.")],
    case: Case = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let an operator or auditor read personal data over the API, until an end."""
    require_case(case)
    end = read_end(until, _LONGEST)
    granted = administer(home, lambda administration: administration.grant(name, reason, end, case))
    print_fields(asdict(granted), as_json=as_json)


def list_grants(name: Staff, home: Home = None, as_json: AsJson = False) -> None:
    """List the grants of an operator or auditor, also those that have run out."""
    grants = administer(home, lambda administration: administration.grants(name))
    if as_json:
        print_json([asdict(grant) for grant in grants])
        return
    rows = [(grant.id, grant.reason, grant.case, grant.until, grant.until > now()) for grant in grants]
    print_table(("grant", "reason", "case", "until", "valid"), rows)


def end_grants(name: Staff, home: Home = None, as_json: AsJson = False) -> None:
    """End all grants of an operator or auditor now; their open streams end within seconds."""
    ended = administer(home, lambda administration: administration.end_grants(name))
    print_fields({"ended": [grant.id for grant in ended]}, as_json=as_json)


def read_end(text: str, longest: timedelta | None = None) -> datetime:
    """Read a moment or a span from now; it must be ahead, and at most so long."""
    span = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text, re.ASCII)
    units = {"m": "minutes", "h": "hours", "d": "days"}
    end = parse_moment(text) if span is None else now() + timedelta(**{units[span[2]]: int(span[1])})
    if end is None:
        raise ConfigurationError(f"--until {EXPECTED}, or a time from now, as 90m, 8h or 7d")
    if end <= now() or (longest is not None and end > now() + longest):
        at_most = "" if longest is None else f", by at most {longest.days} days"
        raise ConfigurationError(f"--until must be ahead{at_most}")
    return end
