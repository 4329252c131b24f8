"""The log as a stream: lines up to its end, events that go on, in constant memory, for as long as access lasts."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from domain.accounts.access import Role
from domain.accounts.platform import PersonalDataGrant
from events.commit import commit_of
from events.developer import ProjectRenamed
from gateway.audit import event_streams
from store.audit.audit_log import AuditLog
from store.commits.document import document_of
from tests.gateway.audit.conftest import EVENTS, AuditHarness
from tests.gateway.events.sse_client import EVENT_STREAM, Frame, Stream
from tests.systems.gateway import CAUSE

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = {"Accept": "application/x-ndjson"}
LONG = 6_000  # commits
BATCH = 100  # commits that a stream reads at once


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def long_log(audit: AuditHarness) -> AuditHarness:
    """Add thousands of sealed commits."""
    now, events = audit.gateway.clock(), [ProjectRenamed(project="a" * 36)]
    commits = [commit_of("developer-d", n, events, cause=CAUSE, time=now, writer="w") for n in range(LONG)]
    documents = [document_of(commit, now) for commit in commits]
    await audit.gateway.store.database.get_collection("commits").insert_many(documents)
    await audit.seal()
    return audit


@asynccontextmanager
async def opened(audit: AuditHarness, headers: dict[str, str], **query: Any) -> AsyncIterator[Stream]:
    url = f"{EVENTS}?{urlencode(query)}"
    async with audit.gateway.client.get(url, headers={**headers, **EVENT_STREAM}) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        yield Stream(answer)


async def lines(audit: AuditHarness, headers: dict[str, str] | None = None, **query: Any) -> list[Any]:
    url = f"{EVENTS}?{urlencode(query)}"
    async with audit.gateway.client.get(url, headers={**(headers or audit.auditor), **LINES}) as answer:
        assert (answer.status, answer.content_type) == (200, "application/x-ndjson")
        return [json.loads(line) async for line in answer.content]


async def test_lines_are_the_whole_log_as_pages_have_it(long_log: AuditHarness) -> None:
    last = 12 * BATCH + 1
    opening, *events, end = await lines(long_log, before=last + 1)
    assert opening == {"type": "opened", "data": {"first": 1, "last": last}}
    assert end == {"type": "caught_up", "data": {"position": last}}
    assert events == await long_log.all(None, before=last + 1, limit=500)
    assert len(events) >= last


async def test_filtered_lines_are_the_filtered_pages(long_log: AuditHarness) -> None:
    renamed = {"type": "developer.project_renamed", "order": "backward", "before": 12 * BATCH}
    for query in ({"user_id": long_log.people[0].id}, renamed):
        _, *events, end = await lines(long_log, None, **query)
        assert events == await long_log.all(None, **query, limit=500)
        assert end["type"] == "caught_up"


async def test_a_stream_resumes_behind_its_last_id_without_loss_or_repetition(long_log: AuditHarness) -> None:
    head = await long_log.gateway.store.sealed_log.head()
    after = head - 250
    async with opened(long_log, long_log.auditor, after=after) as stream:
        some = [await stream.next() for _ in range(120)]
    last = next(frame.id for frame in reversed(some) if frame is not None and frame.id is not None)
    async with opened(long_log, {**long_log.auditor, "Last-Event-ID": last}) as stream:
        rest = await stream.until("caught_up")
    read = [frame.data["position"] for frame in [*some, *rest[:-1]] if frame is not None]
    assert read[:250] == list(range(after + 1, head + 1))
    assert rest[-1].id == str(rest[-1].data["position"])


async def test_after_catching_up_a_stream_goes_on_with_what_is_sealed(audit: AuditHarness) -> None:
    async with opened(audit, audit.auditor, order="forward", type="generation.completed") as stream:
        past = await stream.until("caught_up")
        assert {frame.event for frame in past[:-1]} == {"generation.completed"}
        await audit.add_developer()
        await audit.seal()
        frame = await stream.next()
    assert frame is not None
    assert frame.data["stream"] == f"generation-{audit.generations[-1]}"
    assert frame.id == str(frame.data["position"])


async def test_a_developer_s_stream_has_their_new_events_only(audit: AuditHarness) -> None:
    owner = audit.owners[0]
    async with opened(audit, owner.token) as stream:
        await stream.until("caught_up")
        await audit.add_developer()
        person = await audit.gateway.person(audit.people[0].owned_project)
        await audit.seal()
        frame = await stream.next()
        assert frame is not None
        assert (frame.event, frame.data["data"]["user"]) == ("developer.user_registered", person.id)


async def test_a_stream_up_to_a_position_ends_there(audit: AuditHarness) -> None:
    async with opened(audit, audit.auditor, before=4) as stream:
        frames = await stream.rest()
    assert [frame.id for frame in frames if frame.id] == ["1", "2", "3", "3"]
    assert frames[-1] == Frame("3", "caught_up", {"position": 3})


@pytest.mark.parametrize("accept", [LINES, EVENT_STREAM], ids=["lines", "events"])
async def test_a_client_that_does_not_read_makes_the_server_read_no_further(
    long_log: AuditHarness, monkeypatch: pytest.MonkeyPatch, accept: dict[str, str]
) -> None:
    """The memory of a stream is one batch and the buffers of its connection, however long the log is."""
    read: list[int] = []
    find = AuditLog.read

    async def counted(log: AuditLog, *arguments: Any, **named: Any) -> Any:
        found = await find(log, *arguments, **named)
        read.append(len(found))
        return found

    monkeypatch.setattr(AuditLog, "read", counted)
    reader = await long_log.gateway.staff(Role.AUDITOR)
    _, writer = await connect(long_log, {**reader, **accept})
    await asyncio.sleep(3)
    writer.transport.abort()
    assert len(read) > 0
    assert max(read) <= BATCH
    assert sum(read) <= LONG / 4


async def connect(audit: AuditHarness, headers: dict[str, str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request over a connection with small buffers, and read nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
    connection.setblocking(False)
    host, port = audit.gateway.client.host, audit.gateway.client.port
    await asyncio.get_running_loop().sock_connect(connection, (host, port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {EVENTS} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode())
    return reader, writer


async def granted(audit: AuditHarness, **span: float) -> tuple[dict[str, str], str, PersonalDataGrant]:
    headers = await audit.gateway.staff(Role.AUDITOR)
    _, account = await audit.gateway.get("/api/v1/auth/me", headers)
    grant = PersonalDataGrant(f"g-{account['id']}", audit.gateway.clock() + timedelta(**span), "audit")
    await audit.gateway.store.platform_changes.grant_access(account["id"], grant, cause=CAUSE)
    return headers, account["id"], grant


async def cut_off(stream: Stream) -> tuple[float, Frame]:
    """Wait for the end; return the seconds that it took and the last frame."""
    started = asyncio.get_running_loop().time()
    frames = await asyncio.wait_for(stream.rest(), 30)
    return asyncio.get_running_loop().time() - started, frames[-1]


async def test_a_reader_who_loses_access_is_cut_off_within_fifteen_seconds(audit: AuditHarness) -> None:
    """With the default settings: a grant that ends by time or by command, a deleted account, an ended session."""
    changes = audit.gateway.store.platform_changes
    after = await audit.gateway.store.sealed_log.head()
    by_time, ended, deleted, logged_out = [await granted(audit, seconds=at) for at in (2, 3600, 3600, 3600)]
    async with (
        opened(audit, by_time[0], after=after, personal_data="true") as first,
        opened(audit, ended[0], after=after, personal_data="true") as second,
        opened(audit, deleted[0], after=after) as third,
        opened(audit, logged_out[0], after=after) as fourth,
        opened(audit, audit.auditor, after=after) as other,
    ):
        streams = (first, second, third, fourth)
        for stream in (*streams, other):
            await stream.until("caught_up")
        await changes.end_grant(ended[1], ended[2].id, cause=CAUSE)
        await changes.delete_staff(deleted[1], cause=CAUSE)
        await audit.gateway.call("POST", "/api/v1/auth/logout", logged_out[0])
        cuts = await asyncio.gather(*map(cut_off, streams))
        assert [frame for _, frame in cuts] == [Frame(None, "goodbye", {"reason": "credentials"})] * 4
        assert max(seconds for seconds, _ in cuts) < 15
        await audit.add_developer()
        await audit.seal()
        assert (await other.next()) is not None, "who keeps access reads on"


async def test_a_reader_has_five_streams_at_most(audit: AuditHarness) -> None:
    reader = await audit.gateway.staff(Role.AUDITOR)
    answers = [await audit.gateway.client.get(EVENTS, headers={**reader, **EVENT_STREAM}) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert (await answers[-1].json())["code"] == "stream_limit_exceeded"
    for answer in answers:
        answer.close()
    await asyncio.sleep(1)
    async with opened(audit, reader, after=0, before=2) as stream:
        assert await stream.rest()


async def test_developers_leave_streams_to_staff(audit: AuditHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "_MOST_OF_DEVELOPERS", 1)
    first, second = (owner.token for owner in audit.owners[:2])
    async with opened(audit, first, after=0):
        async with audit.gateway.client.get(EVENTS, headers={**second, **EVENT_STREAM}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "server_busy")
        async with opened(audit, await audit.gateway.staff(Role.AUDITOR), after=0, before=2) as stream:
            assert await stream.rest()
