"""Data of requests that were never recorded: what the sweep takes, and what it would miss is told."""

from datetime import UTC, datetime

from events.envelope import Cause
from store.generations.personal_data import PersonalData
from tests.builders.generation import requested
from tests.chaos.orphans import orphans_left
from tests.stores import open_store


async def test_only_what_the_sweep_cannot_find_is_left(mongodb_url: str) -> None:
    now = datetime.now(UTC)
    async with open_store(mongodb_url) as store:
        for name, token in (("recorded", "token-1"), ("recorded", "token-2"), ("lost", "token-1")):
            await store.personal_data.put(PersonalData(name, token, b"salt", '{"prompt": "a lake"}', (None,), now))
        event = requested().model_copy(update={"personal_data": "token-1"})
        await store.events.append("generation-recorded", 0, [event], cause=Cause(actor="user:1"), time=now)
        assert await orphans_left(store) == []
        assert await store.database.get_collection("personal_data").distinct("_id") == ["recorded/token-1"]

        picture = {"_id": "lost/picture", "generation": "lost", "token": "token-3"}
        await store.database.get_collection("blobs").insert_one(picture)
        assert await orphans_left(store) == ["lost/token-3"]
