"""Event feeds: the visible events of all generations of a user or a project, in sealed order."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.generation.feed_cursor import FeedCursor, FeedCursors
from domain.generation.generation import id_of
from events.envelope import visible
from gateway.events.sse import frame
from gateway.generations.request_metadata import RequestMetadata, with_metadata
from store.generations.generations import Generations
from store.log.feeds import FeedEntry, Feeds

FeedEvent = tuple[str, dict[str, Any]]
"""The cursor after an event, and its visible envelope."""

FeedMetadata = Mapping[str, Mapping[str, Any]]
"""The metadata of generations by their ids."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The generations of one user in a project, or of all its users, with what its endpoints do if `webhooks`."""

    project: str
    user: str | None = None
    webhooks: bool = False

    @property
    def name(self) -> str:
        return f"{self.project}/{self.user or '*'}"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events and the cursor after them; `more`: the next page can be read at once."""

    events: list[FeedEvent]
    next: FeedCursor
    more: bool


@dataclass(frozen=True, slots=True)
class FeedReader:
    """Read feeds page by page."""

    feeds: Feeds
    generations: Generations
    feed_cursors: FeedCursors
    request_metadata: RequestMetadata

    async def head(self) -> FeedCursor:
        """Return the cursor after everything that is sealed."""
        return FeedCursor(await self.feeds.head() + 1)

    async def latest(self, feed: Feed, until: FeedCursor, *, limit: int) -> list[str]:
        """Name the streams of a feed that changed last before a cursor, at most `limit`."""
        last = until.position - 1
        streams = await self.feeds.latest(project=feed.project, user=feed.user, last=last, limit=20 * limit)
        return list(streams[:limit])

    async def page(self, feed: Feed, after: FeedCursor, *, limit: int) -> FeedPage:
        """Read the visible events after a cursor, of at most `limit` commits.

        A commit that only newer code can read ends the page: nothing is passed over during an upgrade.
        """
        last = await self.feeds.head()
        found = await self.feeds.read(
            projects=[feed.project],
            user=feed.user,
            first=after.position,
            last=last,
            limit=limit,
            webhooks_of=[feed.project] if feed.webhooks else (),
        )
        more = len(found) == limit
        following = FeedCursor(found[-1].position + 1 if more else max(last + 1, after.position))
        newer = next((number for number, entry in enumerate(found) if entry.newer), None)
        if newer is not None:
            more, following, found = False, FeedCursor(found[newer].position), found[:newer]
        metadata = await self.metadata_of(found)
        events = [event for entry in found for event in self.events_of(entry, feed, metadata, after)]
        return FeedPage(events, following, more)

    async def metadata_of(self, entries: Iterable[FeedEntry]) -> FeedMetadata:
        """Read the metadata of the generations that commits are of."""
        streams = {entry.commit.stream for entry in entries if entry.commit is not None and entry.user}
        generations = await self.generations.load_all([id_of(stream) for stream in sorted(streams)])
        return await self.request_metadata.of(*generations)

    def events_of(
        self, entry: FeedEntry, feed: Feed, metadata: FeedMetadata, after: FeedCursor | None = None
    ) -> Iterator[FeedEvent]:
        """Give the visible events of a commit after a cursor, each with the cursor after it."""
        read = after.version if after is not None and after.position == entry.position else 0
        for event in entry.commit.events if entry.commit is not None else ():
            if event.version > read and (envelope := visible(event)) is not None:
                shown = with_metadata(envelope, metadata.get(id_of(event.stream)))
                yield self.feed_cursors.write(FeedCursor(entry.position, event.version), feed.name), shown


def frames_of(events: Iterable[FeedEvent]) -> bytes:
    return b"".join(frame(envelope["type"], envelope, identifier=cursor) for cursor, envelope in events)
