from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.audit.checkpoints import ContradictionError
from domain.generation.generation import id_of, stream_of
from events.envelope import read_json
from events.generation import GenerationRequested
from events.owner import CancelRequested, GenerationErased
from store.generations.blobs import BlobStore
from store.mongo.connection import Database, Document, raises_unavailable

_TYPES: Final = [GenerationRequested.type, CancelRequested.type, GenerationErased.type]


@dataclass(frozen=True, slots=True)
class PictureSource:
    """The plain hashes of a generation's stored pictures by digest; `salt` None: it was deleted."""

    hashes: Mapping[str, str]
    salt: bytes | None


@raises_unavailable
class PictureSources:
    """Find the pictures that generations have now, with what binds them to the log."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._commits = database.get_collection("commits")
        self._personal_data = database.get_collection("personal_data")
        self._blobs = blobs

    async def of(self, generations: Collection[str]) -> Mapping[str, PictureSource]:
        """Map generations to their pictures; one that is to be erased has none, even while they are stored.

        Raises ContradictionError for a damaged commit.
        """
        tokens = await self._tokens(generations)
        ids = [f"{generation}/{token}" for generation, token in tokens.items()]
        found = await self._personal_data.find({"_id": {"$in": ids}}, {"generation": 1, "salt": 1}).to_list(None)
        salts = {document["_id"]: document["salt"] for document in found}
        return {
            generation: PictureSource(await self._blobs.hashes(generation), salts.get(f"{generation}/{token}"))
            for generation, token in tokens.items()
        }

    async def _tokens(self, generations: Collection[str]) -> Mapping[str, str]:
        """Map generations that are not to be erased to the tokens of their personal data."""
        query = {"stream": {"$in": [*map(stream_of, generations)]}, "types": {"$in": _TYPES}}
        documents = await self._commits.find(query, {"body": 1, "stream": 1}).to_list(None) if generations else []
        tokens, erased = dict[str, str](), set[str]()
        for generation, events in ((id_of(document["stream"]), _events(document)) for document in documents):
            for event in events:
                if event["type"] == GenerationRequested.type:
                    tokens[generation] = event["data"]["personal_data"]
                if _erases(event):
                    erased.add(generation)
        return {generation: token for generation, token in tokens.items() if generation not in erased}


def _events(document: Document) -> Sequence[dict[str, Any]]:
    try:
        return list(read_json(document["body"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ContradictionError(f"{document['_id']} cannot be read ({type(error).__name__})") from None


def _erases(event: Mapping[str, Any]) -> bool:
    return event["type"] == GenerationErased.type or (
        event["type"] == CancelRequested.type and event["data"]["erase"] is True
    )
