import asyncio

from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Database


async def test_a_checkpoint_only_moves_forward(database: Database) -> None:
    subscriptions = SubscriberCheckpoints(database)
    assert await subscriptions.position("delivery") == 0
    await asyncio.gather(*(subscriptions.advance("delivery", position) for position in (3, 9, 1, 7)))
    await subscriptions.advance("delivery", 4)
    assert await subscriptions.position("delivery") == 9
    assert await subscriptions.position("projection") == 0
