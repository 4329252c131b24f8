from collections.abc import Mapping, Sequence
from typing import Final, get_args

from domain.audit.terms import OWNERS, Envelope, terms_of, values_of
from events.webhook import EndpointEvent
from store.log.entries import first_commit
from store.mongo.connection import Database, Document

_TYPES: Final = {event.type for event in get_args(EndpointEvent)}


class EndpointOwners:
    """The developer and the project of webhook endpoints, which only their first event names."""

    def __init__(self, database: Database) -> None:
        self._log = database.get_collection("log")

    async def of(self, commits: Sequence[Document], envelopes: Sequence[Sequence[Envelope]]) -> Mapping[str, Document]:
        """Map the streams of endpoints among some commits to the ids of their owners, for the terms of the commits.

        The first event of a stream is in this batch, or sealed.
        """
        found = dict[str, Document]()
        for commit, read in zip(commits, envelopes, strict=True):
            if commit["first"] == 1 and commit["types"][0] in _TYPES:
                found[commit["stream"]] = _owner(terms_of(read, {}))
        later = {commit["stream"] for commit in commits if commit["types"][0] in _TYPES} - found.keys()
        if later:
            firsts = {"commit": {"$in": [first_commit(stream) for stream in later]}}
            entries = await self._log.find(firsts, {"stream": 1, "terms": 1}).to_list(None)
            found |= {entry["stream"]: _owner(entry["terms"]) for entry in entries}
        return found


def _owner(terms: Sequence[str]) -> Document:
    return {name: values[0] for name in OWNERS if (values := values_of(terms, name))}
