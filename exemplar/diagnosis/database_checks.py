"""Checks of the database that only MongoDB can answer."""

from collections.abc import Sequence
from typing import Any

from exemplar.diagnosis.finding import Finding, warning
from store.mongo.connection import Database


async def collections_with_validator(database: Database) -> Sequence[str]:
    """Name the collections for which somebody has set a validator; exemplar sets none."""
    # Not raises_unavailable: the caller has just read from this database.
    names: Any = await database.list_collection_names(filter={"options.validator": {"$exists": True}})
    return sorted(names)


def judge_validators(collections: Sequence[str]) -> list[Finding]:
    """Judge validators: MongoDB refuses writes that they do not allow."""
    return [
        warning(
            "MongoDB",
            f"the collection {name} has a validator, which is none of exemplar's and may refuse its writes",
            f'in mongosh: db.runCommand({{collMod: "{name}", validator: {{}}}})',
        )
        for name in collections
    ]
