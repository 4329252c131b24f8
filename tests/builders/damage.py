"""Ways in which a stored stream becomes unreadable, by editing MongoDB."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.generation.generation import stream_of
from store.mongo.connection import Database


class Damage(NamedTuple):
    """An update of the commit of a version; None deletes it."""

    version: int
    update: dict[str, Any] | None

    async def do(self, database: Database, generation: str) -> None:
        """Damage the stream of a generation."""
        commits, commit = database["commits"], {"_id": f"{stream_of(generation)}:{self.version}"}
        if self.update is None:
            assert (await commits.delete_one(commit)).deleted_count == 1
        else:
            assert (await commits.update_one(commit, self.update)).modified_count == 1


DAMAGE: Mapping[str, Damage] = {
    "first body": Damage(1, {"$set": {"body": b"damaged"}}),
    "second body": Damage(2, {"$set": {"body": b"damaged"}}),
    "no types": Damage(1, {"$unset": {"types": 1}}),
    "no stream": Damage(1, {"$unset": {"stream": 1}}),
    "no body": Damage(2, {"$unset": {"body": 1}}),
    "another last version": Damage(2, {"$set": {"last": 9}}),
    "no first commit": Damage(1, None),
    "no second commit": Damage(2, None),
}
