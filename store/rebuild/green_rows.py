"""The rows of generations built anew in a collection of their own, which then takes the place of the one in use."""

from collections.abc import Collection
from typing import Any, Final
from uuid import uuid4

from store.generations.mongo_projection import MongoProjection
from store.mongo.connection import Database, raises_unavailable

_BLUE: Final = "generations"
_GREEN: Final = "generations_green"


@raises_unavailable
class GreenRows:
    """Collections `generations_green_<run>`: nobody reads one before it is renamed to `generations`, in one step."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self) -> "GreenCollection":
        """Make an empty collection with the indexes of the rows in use, and delete those of all other runs.

        So a run that went on without its lease finds nothing that it could rename.
        """
        for name in await self._database.list_collection_names(filter={"name": {"$regex": f"^{_GREEN}"}}):
            await self._database.drop_collection(name)
        blue, name = self._database.get_collection("generations"), f"{_GREEN}_{uuid4().hex}"
        indexes = [dict(one) for one in await blue.list_indexes().to_list(None) if one["name"] != "_id_"]
        for one in indexes:
            one.pop("v", None)
            one.pop("ns", None)
        await self._database.create_collection(name)
        if indexes:
            await self._database.command({"createIndexes": name, "indexes": indexes})
        return GreenCollection(self._database, name)


@raises_unavailable
class GreenCollection:
    """The rows of one rebuild."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self.projection = MongoProjection(database, name)

    async def keep(self, ids: Collection[str]) -> None:
        """Copy rows whose streams cannot be read as they are in use."""
        rows = await self._database.get_collection(_BLUE).find({"_id": {"$in": list(ids)}}).to_list(None)
        if rows:
            await self._database.get_collection(self._name).insert_many(rows)

    async def swap(self) -> None:
        """Put it in the place of the rows in use; raises where the run of another process has deleted it."""
        client: Any = self._database.client
        name = self._database.name
        renamed = {"renameCollection": f"{name}.{self._name}", "to": f"{name}.{_BLUE}", "dropTarget": True}
        await client.admin.command(renamed)

    async def drop(self) -> None:
        """Delete it."""
        await self._database.drop_collection(self._name)
