from collections.abc import Mapping, Sequence

from domain.audit.terms import Envelope, is_of_endpoint, owner_from
from store.log.entries import envelopes_of
from store.log.first_commits import first_commit
from store.mongo.connection import Database, Document


class EndpointOwners:
    """The developer and the project of webhook endpoints, which only their first event names."""

    def __init__(self, database: Database) -> None:
        self._commits = database.get_collection("commits")

    async def of(self, commits: Sequence[Document], envelopes: Sequence[Sequence[Envelope]]) -> Mapping[str, Document]:
        """Map the streams of endpoints among some commits to the ids of their owners, for the terms of the commits.

        They are read from the first event of the stream, which is in this batch, or sealed.
        """
        found = dict[str, Document]()
        for commit, read in zip(commits, envelopes, strict=True):
            if commit["first"] == 1 and is_of_endpoint(commit["types"][0]):
                found[commit["stream"]] = _owner(read)
        later = {commit["stream"] for commit in commits if is_of_endpoint(commit["types"][0])} - found.keys()
        if later:
            firsts = {"_id": {"$in": [first_commit(stream) for stream in later]}}
            documents = await self._commits.find(firsts, {"stream": 1, "body": 1}).to_list(None)
            found |= {document["stream"]: _owner(envelopes_of(document)) for document in documents}
        return found


def _owner(envelopes: Sequence[Envelope]) -> Document:
    return dict(owner_from(envelopes)) if envelopes else {}
