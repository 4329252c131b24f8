"""What the audit can show as of a point: how each kind is named, folded and shown, and who owns it.

A view is JSON. It holds what the log knows; what lies beside the log is `masked`, or `erased` if it is gone by now.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, Literal, cast

from domain.accounts import developer as developers
from domain.accounts.developer import Developer
from domain.generation import fold as generations
from domain.generation.generation import Generation, id_of, state_of, stream_of
from domain.generation.timings import cost_of
from domain.webhooks import endpoint as endpoints
from domain.webhooks.endpoint import Endpoint
from events.developer import ProjectErased
from events.envelope import RecordedEvent, format_time
from events.generation import GenerationRequested, Picture
from events.owner import CancelRequested, GenerationErased
from events.webhook import WebhookRegistered, WebhookRemoved

KindName = Literal["generation", "endpoint", "developer"]
View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stream; `view` gets the folded state and the ids whose data are erased by now."""

    name: KindName
    stream_of: Callable[[str], str]
    evolve: Callable[[Any, RecordedEvent], Any]
    view: Callable[[Any, Collection[str]], View]
    owner_in: Callable[[RecordedEvent], Mapping[str, str]]

    def view_of(self, events: Sequence[RecordedEvent], erased: Collection[str]) -> View | None:
        """Fold the first events of a stream into a view; None for no events."""
        state = reduce(self.evolve, events, None)
        return None if state is None else self.view(state, erased)


def erased_in(events: Sequence[RecordedEvent]) -> frozenset[str]:
    """Name the generations, projects and endpoints whose data these events erase."""
    return frozenset(name for recorded in events if (name := _erased_by(recorded)) is not None)


def _erased_by(recorded: RecordedEvent) -> str | None:
    match recorded.event:
        case GenerationErased() | CancelRequested(erase=True):
            return id_of(recorded.stream)
        case ProjectErased(project=project):
            return project
        case WebhookRemoved():
            return endpoints.endpoint_of(recorded.stream)
        case _:
            return None


def _content(name: str, erased: Collection[str]) -> str:
    return "erased" if name in erased else "masked"


def _generation(g: Generation, erased: Collection[str]) -> View:
    content, failure = _content(g.id, erased), g.failure
    return {
        **g.request.owner.model_dump(),
        "status": g.status,
        "state": state_of(g),
        "tier": g.request.tier,
        "period": g.request.period,
        "quota": g.quota,
        "reserved": g.reserved,
        "created_at": format_time(g.created_at),
        "finished_at": g.finished_at and format_time(g.finished_at),
        "attempt": g.attempt,
        "lost": g.lost,
        "prediction": g.prediction,
        "percent": g.percent,
        "seed": g.validated and g.validated.seed,
        "failure": failure and failure.model_dump(mode="json", include={"code", "stage", "retryable"}),
        "cost_usd": cost_of(g).usd,
        "cancel_requested": g.cancel_requested,
        "is_public": g.is_public,
        "erased": g.gone,
        "personal_data": content,
        "examples": [{"digest": one.digest, "content": content} for one in g.request.examples],
        "pictures": [_picture(one, content) for one in g.pictures],
    }


def _picture(picture: Picture, content: str) -> View:
    return {"digest": picture.digest, "width": picture.width, "height": picture.height, "content": content}


def _endpoint(e: Endpoint, erased: Collection[str]) -> View:
    return {
        "developer": e.developer,
        "project": e.project,
        "created_at": format_time(e.created_at),
        "event_types": sorted(e.event_types),
        "disabled": e.disabled,
        "removed": e.removed,
        "url": {"hash": e.url, "content": _content(e.id, erased)},
    }


def _developer(d: Developer, erased: Collection[str]) -> View:
    return {
        "tier": d.tier,
        "projects": [{"id": name, "content": _content(name, erased)} for name in sorted(d.projects)],
        "keys": [{"id": key, "project": project} for key, project in sorted(d.keys.items())],
    }


def _owner_of_generation(first: RecordedEvent) -> Mapping[str, str]:
    return cast("GenerationRequested", first.event).owner.model_dump()


def _owner_of_endpoint(first: RecordedEvent) -> Mapping[str, str]:
    registered = cast("WebhookRegistered", first.event)
    return {"developer": registered.developer, "project": registered.project}


def _owner_of_developer(first: RecordedEvent) -> Mapping[str, str]:
    return {"developer": developers.developer_of(first.stream) or ""}


KINDS: Final[Mapping[KindName, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("generation", stream_of, generations.evolve, _generation, _owner_of_generation),
        Kind("endpoint", endpoints.stream_of_endpoint, endpoints.evolve_endpoint, _endpoint, _owner_of_endpoint),
        Kind("developer", developers.stream_of, developers.evolve, _developer, _owner_of_developer),
    )
}
