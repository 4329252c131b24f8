"""What is written before the first commit of a generation, and that commit."""

import hashlib
from datetime import UTC, datetime

from domain.generation.generation import stream_of
from events.envelope import Cause
from store.generations.blobs import Blob
from store.generations.personal_data import PersonalData
from tests.builders.generation import requested
from tests.stores import OpenStore

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PERSONAL_DATA = PersonalData("g1", "t1", b"salt", "{}", (None,), NOW)
BLOB = Blob("g1", "d1", "t1", "example", "image/png", b"pixels", hashlib.sha256(b"pixels").hexdigest(), NOW)


async def write_all(store: OpenStore) -> None:
    await store.personal_data.put(PERSONAL_DATA)
    await store.blobs.put(BLOB)
    assert await store.predictions.claim("p1", "g1")


async def begin(store: OpenStore) -> None:
    stream = stream_of("g1")
    await store.events.append(stream, 0, [requested()], cause=Cause(actor="test"), time=NOW)


async def all_are_kept(store: OpenStore) -> bool:
    kept = (
        await store.personal_data.get("g1", "t1"),
        await store.blobs.get("g1", "d1"),
        await store.predictions.owner("p1"),
    )
    return kept == (PERSONAL_DATA, BLOB, "g1")
