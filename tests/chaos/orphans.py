"""What the sweep for data of requests that were never recorded leaves behind, once these are old enough."""

from datetime import UTC, datetime, timedelta

from actors.jobs.orphans import erase_orphans
from events.generation import GenerationRequested
from store.generations.generations import Generations
from tests.stores import OpenStore

OLD_ENOUGH = timedelta(minutes=31)


async def orphans_left(store: OpenStore) -> list[str]:
    """Run the sweep as of half an hour later, while nothing is submitted; name the data that no stream names."""

    async def later() -> datetime:
        return datetime.now(UTC) + OLD_ENOUGH

    await erase_orphans(
        personal_data=store.personal_data,
        blobs=store.blobs,
        events=store.events,
        generations=Generations(store.events, announce=lambda _: None, clock=lambda: datetime.now(UTC)),
        safe_now=later,
    )
    named = {
        (commit.stream.removeprefix("generation-"), first.personal_data)
        async for commit in store.events.commits()
        if isinstance(first := commit.events[0].event, GenerationRequested)
    }
    kept = {
        (document["generation"], document["token"])
        for name in ("blobs", "personal_data")
        async for document in store.database.get_collection(name).find({}, {"generation": 1, "token": 1})
    }
    return [f"{generation}/{token}" for generation, token in sorted(kept - named)]
