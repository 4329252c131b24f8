from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import ClassVar

from domain.controls.controls import STREAM
from store.commits.stream_walk import FoldedStream
from store.controls.documents import COLLECTION, document_of
from store.mongo.connection import Database, raises_unavailable, reachable
from store.replay.read_model import Compared


@raises_unavailable
class ControlDocument:
    """The document of the controls in force."""

    kinds: ClassVar[Collection[str]] = ("controls",)

    def __init__(self, database: Database) -> None:
        self._controls = database.get_collection("controls")

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        compared = Compared()
        for one in streams:
            wanted = document_of(one.state)
            stored = {document["_id"]: document for document in await self._controls.find({}).to_list(None)}
            compared.add(COLLECTION, STREAM, {wanted["_id"]: wanted}, stored)
        return compared

    async def owners(self) -> AsyncIterator[tuple[str, str, str]]:
        with reachable():
            async for document in self._controls.find({}, {"_id": 1}):
                yield COLLECTION, document["_id"], STREAM

    async def count(self) -> Mapping[str, int]:
        return {COLLECTION: await self._controls.count_documents({})}
