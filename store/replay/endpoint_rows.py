from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import ClassVar, Final

from domain.webhooks.endpoint import Endpoint, stream_of_endpoint
from store.commits.stream_walk import FoldedStream
from store.mongo.connection import Database, Document, raises_unavailable, reachable
from store.replay.read_model import Compared

_MODEL: Final = "webhook_endpoints"


@raises_unavailable
class EndpointRows:
    """The folded state in `webhook_endpoints`; a removed endpoint has no row."""

    kinds: ClassVar[Collection[str]] = ("endpoint",)

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_endpoints")

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        endpoints: Mapping[str, Endpoint] = {one.state.id: one.state for one in streams}
        found = await self._rows.find({"_id": {"$in": [*endpoints]}}).to_list(None)
        rows = {document["_id"]: _stored(document) for document in found}
        compared = Compared()
        for key, one in endpoints.items():
            wanted = {} if one.removed else {key: _wanted(one)}
            compared.add(_MODEL, stream_of_endpoint(key), wanted, {key: rows[key]} if key in rows else {})
        return compared

    async def owners(self) -> AsyncIterator[tuple[str, str, str]]:
        with reachable():
            async for document in self._rows.find({}, {"_id": 1}):
                yield _MODEL, document["_id"], stream_of_endpoint(document["_id"])

    async def count(self) -> Mapping[str, int]:
        return {_MODEL: await self._rows.count_documents({})}


def _wanted(one: Endpoint) -> Document:
    return {"project": one.project, **{f"endpoint.{name}": value for name, value in asdict(one).items()}}


def _stored(document: Document) -> Document:
    kept = document.get("endpoint") or {}
    return {"project": document.get("project"), **{f"endpoint.{name}": value for name, value in kept.items()}}
