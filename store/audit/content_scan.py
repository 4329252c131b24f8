import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING

from domain.audit.kept_content import KeptContent, KeptTexts, RecordedContent
from domain.generation.digests import answer_digest
from domain.generation.generation import id_of, stream_of
from events.generation import GenerationCompleted, GenerationRequested
from events.invocation import PredictionSettled
from events.owner import CancelRequested, GenerationErased
from store.audit.stored_form import LENIENT, has_form
from store.commits.document import readable
from store.mongo.connection import Database, Document, raises_unavailable, reachable

_BATCH: Final = 100  # generations
_TYPES: Final = [
    one.type for one in (GenerationRequested, GenerationCompleted, PredictionSettled, CancelRequested, GenerationErased)
]
_TEXTS: Final = {"generation": str, "token": str, "salt": bytes, "instructions": str, "provider": dict}
_END: Final = stream_of("~")  # behind the stream of every generation


class DamagedTextsError(ValueError):
    """Personal data are not what was stored."""


@raises_unavailable
class ContentScan:
    """Read what the log says of the content of generations, and what of it is kept; memory: a batch."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")
        self._blobs = database.get_collection("blobs", codec_options=LENIENT)
        self._personal_data = database.get_collection("personal_data", codec_options=LENIENT)

    async def count(self) -> int:
        """Return about how many generations there are."""
        return int(await self._commits.count_documents({"stream": _streams(), "first": 1}))

    async def generations(self) -> AsyncGenerator[list[RecordedContent], None]:
        """Read all generations in batches; one with a commit that cannot be read is left out."""
        batch: list[RecordedContent] = []
        query = {"stream": _streams(), "types": {"$in": _TYPES}}
        with reachable():
            async for document in self._commits.find(query).sort([("stream", ASCENDING), ("first", ASCENDING)]):
                name = id_of(document["stream"])
                if not batch or batch[-1].generation != name:
                    if len(batch) == _BATCH:
                        yield batch
                        batch = []
                    batch.append(RecordedContent(name))
                _add(batch[-1], document)
        yield batch

    async def again(self, generation: str) -> RecordedContent:
        """Read what the log says of one generation now."""
        found, query = RecordedContent(generation), {"stream": stream_of(generation), "types": {"$in": _TYPES}}
        for document in await self._commits.find(query).sort("first", ASCENDING).to_list(None):
            _add(found, document)
        return found

    async def kept(self, generations: Sequence[RecordedContent]) -> Mapping[str, KeptContent | DamagedTextsError]:
        """Map generations to what lies beside the log; an error for damaged personal data."""
        requests = {one.generation: one.request for one in generations if one.request is not None}
        originals = [request.retry_of for request in requests.values() if request.retry_of is not None]
        texts = await self._texts([*requests, *originals])
        hashes = await self._hashes([*requests])
        kept = dict[str, KeptContent | DamagedTextsError]()
        for name, request in requests.items():
            document = next((one for one in texts[name] if one.get("token") == request.personal_data), None)
            original = next((one.get("instructions") for one in texts[request.retry_of or ""]), None)
            try:
                kept[name] = KeptContent(_texts_of(document), hashes[name], original)
            except DamagedTextsError as error:
                kept[name] = error
        return kept

    async def _texts(self, generations: Sequence[str]) -> Mapping[str, list[Document]]:
        found = defaultdict[str, list[Document]](list)
        fields = dict.fromkeys(_TEXTS, 1)
        for document in await self._personal_data.find({"generation": {"$in": [*generations]}}, fields).to_list(None):
            found[str(document["generation"])].append(document)
        return found

    async def _hashes(self, generations: Sequence[str]) -> Mapping[str, dict[str, str]]:
        """Read the hashes of whole pictures, which an index answers."""
        found = defaultdict[str, dict[str, str]](dict)
        query = {"generation": {"$in": [*generations]}, "sha256": {"$gt": ""}}
        fields = {"_id": 0, "generation": 1, "digest": 1, "sha256": 1}
        for document in await self._blobs.find(query, fields).to_list(None):
            found[document["generation"]][document["digest"]] = document["sha256"]
        return found


def _streams() -> Document:
    return {"$gte": stream_of(""), "$lt": _END}


def _add(content: RecordedContent, document: Document) -> None:
    commit = readable(document)
    for recorded in commit.events if commit else ():
        content.add(document["_id"], recorded)


def _texts_of(document: Document | None) -> KeptTexts | None:
    if document is None:
        return None
    try:
        if not has_form(document, _TEXTS):
            raise DamagedTextsError("fields are missing")
        salt, provider = bytes(document["salt"]), document["provider"]
        answers = {prediction: _digest(salt, text) for prediction, text in provider.items()}
        document["instructions"].encode()
    except (TypeError, ValueError, AttributeError) as error:
        raise DamagedTextsError(str(error)) from None
    return KeptTexts(salt, document["instructions"], answers)


def _digest(salt: bytes, text: Any) -> str | None:
    """Hash a kept answer; None of one that is no JSON any more."""
    try:
        return answer_digest(salt, json.loads(text))
    except (TypeError, ValueError):
        return None
