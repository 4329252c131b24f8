from pymongo import DESCENDING

from store.mongo.connection import Database, reachable


async def last_position(database: Database) -> int:
    """Read the last position of the sealed log; 0 for an empty log."""
    with reachable():
        last = await database["log"].find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
    return last["_id"] if last else 0
