"""The rows of generations built anew in a collection of their own, which then takes the place of the one in use."""

from collections.abc import Collection
from typing import Any, Final

from store.generations.mongo_projection import MongoProjection
from store.mongo.connection import Database, raises_unavailable

BLUE: Final = "generations"
GREEN: Final = "generations_green"


@raises_unavailable
class GreenRows:
    """Collection `generations_green`: nobody reads it before it is renamed to `generations`, in one step."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blue = database.get_collection("generations")
        self._green = database.get_collection("generations_green")
        self.projection = MongoProjection(database, GREEN)

    async def begin(self) -> None:
        """Empty it, and give it the indexes of the rows in use."""
        await self._green.drop()
        indexes = [dict(one) for one in await self._blue.list_indexes().to_list(None) if one["name"] != "_id_"]
        for one in indexes:
            one.pop("v", None)
            one.pop("ns", None)
        await self._database.create_collection(GREEN)
        if indexes:
            await self._database.command({"createIndexes": GREEN, "indexes": indexes})

    async def keep(self, ids: Collection[str]) -> None:
        """Copy rows whose streams cannot be read as they are in use."""
        rows = await self._blue.find({"_id": {"$in": list(ids)}}).to_list(None)
        if rows:
            await self._green.insert_many(rows)

    async def swap(self) -> None:
        """Put it in the place of the rows in use."""
        client: Any = self._database.client
        name = self._database.name
        await client.admin.command({"renameCollection": f"{name}.{GREEN}", "to": f"{name}.{BLUE}", "dropTarget": True})
