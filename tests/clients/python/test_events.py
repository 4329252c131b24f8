"""Interrupted event streams: the client gets each event once."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from itertools import takewhile

import pytest

from exemplar_client import Client, Event, UnknownPositionError
from tests.clients.faulty_proxy import FaultyProxy, response
from tests.clients.python.conftest import MakeClient
from tests.systems.system import System
from tests.systems.tenants import small

FIRST, LAST = "generation.requested", "generation.completed"


def finished(client: Client) -> str:
    generation = client.submit([small()], {"prompt": "a lighthouse"}).id
    client.wait(generation, timeout=60)
    return generation


def positions(events: list[Event]) -> list[str]:
    return [event.position for event in events]


def test_events_are_read_from_the_first_to_the_last(client: Client) -> None:
    generation = client.submit([small()], {"prompt": "a lighthouse"}).id
    events = list(client.events(generation))
    assert (events[0].type, events[0].position, events[-1].type) == (FIRST, "1", LAST)
    assert positions(events) == sorted(set(positions(events)), key=int)
    assert [str(event.data["version"]) for event in events] == positions(events)


def test_each_event_arrives_once_wherever_the_stream_is_cut(client: Client, proxy: FaultyProxy) -> None:
    generation = finished(client)
    whole = list(client.events(generation))
    length = len(proxy.responses[-1])
    assert length > 1000
    for cut in range(0, length, 59):
        proxy.inject("/events", after=cut)
        assert list(client.events(generation)) == whole, cut


def test_each_event_arrives_once_after_several_cuts_in_a_row(client: Client, proxy: FaultyProxy) -> None:
    generation = finished(client)
    whole = list(client.events(generation))
    for cut in (900, 300, 700):
        proxy.inject("/events", after=cut)
    assert list(client.events(generation)) == whole


def drained(system: System) -> None:
    assert asyncio.run(system.terminate("solo")) == {"solo": 0}


def killed(system: System) -> None:
    system.kill("solo")


@pytest.mark.parametrize("ended", [drained, killed])
def test_a_stream_resumes_after_a_restart_of_the_gateway(
    client: Client, solo: System, ended: Callable[[System], None]
) -> None:
    generation = client.submit([small()], {"prompt": "a lighthouse"}).id
    events = client.events(generation)
    seen = [next(events)]
    ended(solo)
    solo.start("solo")
    seen += events
    assert seen == list(client.events(generation))
    assert seen[-1].type == LAST


def test_a_stream_resumes_after_any_version(client: Client) -> None:
    generation = finished(client)
    whole = list(client.events(generation))
    for number, event in enumerate(whole, start=1):
        assert list(client.events(generation, after=int(event.position))) == whole[number:]


def test_an_unknown_position_raises(client: Client) -> None:
    generation = finished(client)
    with pytest.raises(UnknownPositionError, match="999"):
        list(client.events(generation, after=999))


def test_a_busy_gateway_is_retried_after_its_retry_after(
    client: Client, proxy: FaultyProxy, pauses: list[float]
) -> None:
    generation = finished(client)
    pauses.clear()
    proxy.inject("/events", instead=response(503, b'{"code": "server_busy"}', Retry_After="9"))
    assert list(client.events(generation))[-1].type == LAST
    assert pauses == [9.0]


def test_the_feed_begins_with_a_snapshot_and_has_every_generation(client: Client) -> None:
    old = finished(client)
    with closing(client.feed(after="0")) as earlier:  # a snapshot shows what is sealed; what is sealed later follows it
        assert any(event.type == LAST for event in earlier)
    feed = client.feed()
    snapshot = next(feed)
    assert snapshot.type == "snapshot"
    assert [one["id"] for one in snapshot.data["generations"]] == [old]
    new = client.submit([small()], {"prompt": "another"}).id
    received = [next(feed)]
    while received[-1].type != LAST or new not in str(received[-1].data):
        received.append(next(feed))
    assert FIRST in {event.type for event in received if new in str(event.data)}


def test_the_feed_resumes_after_any_event_wherever_it_is_cut(make_client: MakeClient, proxy: FaultyProxy) -> None:
    client = make_client()
    generation = finished(client)

    def until_the_end(after: str) -> list[Event]:
        feed = client.feed(after=after)
        with closing(feed):
            return list(takewhile(lambda event: event.type != LAST, feed))

    whole = until_the_end("0")
    assert all(str(event.data["subject"]).endswith(generation) for event in whole)
    assert len(whole) > 2
    for number, event in enumerate(whole[:-1], start=1):
        proxy.inject("/events", after=400 + 150 * number)
        assert until_the_end(event.position) == whole[number:]
        proxy.faults.clear()
