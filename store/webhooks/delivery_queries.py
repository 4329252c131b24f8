"""Queries of deliveries by filter."""

from domain.webhooks.delivery_filter import OWNER_DELETED, DeliveryFilter
from store.mongo.connection import Document


def chosen_by(project: str, endpoint: str, chosen: DeliveryFilter) -> Document:
    """Write the query of an endpoint's deliveries that a filter includes."""
    query: Document = {"endpoint": endpoint, "project": project}
    named = (("state", chosen.states), ("type", chosen.types), ("generation", chosen.generations), ("_id", chosen.ids))
    query |= {name: {"$in": sorted(wanted)} for name, wanted in named if wanted is not None}
    times = {"$gte": chosen.since, "$lt": chosen.before}
    if found := {operator: time for operator, time in times.items() if time is not None}:
        query["event_time"] = found
    return query


def restartable_by(project: str, endpoint: str, chosen: DeliveryFilter) -> Document:
    """Write the query of those that may be sent again, as `restartable` tells."""
    may = {"state": {"$ne": "pending"}, "example": False, "reason": {"$nin": sorted(OWNER_DELETED)}}
    return {"$and": [chosen_by(project, endpoint, chosen), may]}
