from typing import Any

from store.mongo.connection import Document


async def delete_in_batches(documents: Any, query: Document, *, batch: int) -> int:
    """Delete what a query finds, `batch` documents at a time, so that no call outlasts its timeout; return how many."""
    deleted = 0
    while True:
        found = await documents.find(query, {"_id": 1}).limit(batch).to_list(batch)
        if found:
            done = await documents.delete_many({"_id": {"$in": [document["_id"] for document in found]}})
            deleted += done.deleted_count
        if len(found) < batch:
            return deleted
