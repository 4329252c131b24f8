"""The events that webhooks are sent for, as arguments of commands."""

from collections.abc import Iterator, Sequence

from events.catalogue import CATALOGUE
from exemplar.environment import ConfigurationError


def complete_event(incomplete: str) -> Iterator[str]:
    """Complete the name of an event in a shell."""
    return (name for name in CATALOGUE.deliverable if name.startswith(incomplete))


def require_event(name: str) -> str:
    """Refuse an event that no webhook is sent for; `completed` stands for `generation.completed`."""
    full = name if "." in name else f"generation.{name}"
    if full not in CATALOGUE.deliverable:
        raise ConfigurationError(f"{name}: there are {', '.join(CATALOGUE.deliverable)}")
    return full


def require_events(names: Sequence[str]) -> frozenset[str]:
    """Name the chosen events, all when none is chosen."""
    return frozenset(map(require_event, names)) or frozenset(CATALOGUE.deliverable)
