"""The metadata and the request id of generations, to add to what is sent about them: the log has no metadata."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import TypedDict

from domain.generation.generation import Generation
from events.owner import CancelRequested, GenerationErased
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore


class RequestContext(TypedDict):
    """What the request of a generation was sent with."""

    request_id: str | None
    metadata: Mapping[str, Any]


NO_CONTEXT: Final[RequestContext] = {"request_id": None, "metadata": {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMetadata:
    """Read what the requests of generations were sent with."""

    generations: Generations
    personal_data: PersonalDataStore

    async def of_ids(self, ids: Iterable[str]) -> Mapping[str, RequestContext]:
        """Map generations to the context of their requests; metadata are empty for those that were deleted."""
        found = await self.generations.load_all(list(dict.fromkeys(ids)))
        metadata = await self.of(*found)
        return {one.id: {"request_id": one.request_id, "metadata": metadata.get(one.id, {})} for one in found}

    async def of(self, *generations: Generation) -> Mapping[str, dict[str, Any]]:
        """Map generations to their metadata; those without any, or that were deleted, are left out."""
        return await self.of_tokens({one.id: one.request.personal_data for one in generations if not one.gone})

    async def of_tokens(self, tokens: Mapping[str, str]) -> Mapping[str, dict[str, Any]]:
        """Map generations, given with the tokens of their personal data, to their metadata; as `of`."""
        texts = await self.personal_data.texts(list(tokens.items())) if tokens else {}
        return {name: dict(one.metadata) for name, one in texts.items() if one.metadata}


def with_metadata(envelope: dict[str, Any], metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Add the metadata of its request to the data of an event, if there are any."""
    return {**envelope, "data": {**envelope["data"], "metadata": metadata}} if metadata else envelope


def ends_metadata(event: object) -> bool:
    """Tell whether an event asks for the erasure of what the client wrote, or records it."""
    return isinstance(event, GenerationErased) or (isinstance(event, CancelRequested) and event.erase)
