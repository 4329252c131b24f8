import json
from dataclasses import replace
from pathlib import Path

import pytest

import rabbitmq
from actors.subscriptions import QUEUES
from events.catalogue import CATALOGUE
from events.event import Event
from events.quota import QuotaSettled
from rabbitmq.topology import definitions, definitions_json, matches, topology
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, failed, intended, settled, started
from tests.rabbitmq.commits import Commits

FILE = Path(rabbitmq.__file__).parent / "definitions.json"


def test_the_shipped_definitions_are_the_printed_form_of_the_subscription_table() -> None:
    assert FILE.read_text() == definitions_json(topology(QUEUES))


def test_no_user_and_no_password_is_shipped() -> None:
    assert not {"users", "permissions"} & set(json.loads(FILE.read_text()))


def test_only_events_without_an_actor_are_left_to_the_subscribers() -> None:
    table = topology(QUEUES)
    unheard = {name for name in CATALOGUE.names if name.startswith("generation.") and not table.routes(name)}
    assert unheard == {"generation.invocation_intended", "generation.quota_settled"}


def test_an_event_reaches_every_subscription_that_names_it() -> None:
    table = topology({"a": ["x.one", "x.two"], "b": ["x.two"], "c": ["x.#"]})
    assert table.routes("x.one") == ("a", "c")
    assert table.routes("x.two") == ("a", "b", "c")
    assert table.routes("y.one") == ()


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("generation.#", "generation", True),
        ("generation.#", "generation.a.b", True),
        ("generation.*", "generation", False),
        ("generation.*", "generation.a", True),
        ("generation.*", "generation.a.b", False),
        ("#.b", "a.b", True),
        ("#.b", "b", True),
        ("a.#.c", "a.c", True),
        ("a.#.c", "a.b.b.c", True),
        ("#", "anything.at.all", True),
        ("generation.requested", "generation.requested2", False),
    ],
)
def test_patterns_match_as_in_a_topic_exchange(pattern: str, event_type: str, expected: bool) -> None:
    assert matches(pattern, event_type) is expected


def test_every_name_in_rabbitmq_has_the_prefix() -> None:
    printed = definitions(topology({"quota": ["generation.failed"]}, "blue-"))
    assert [queue["name"] for queue in printed["queues"]] == ["blue-quota.dead", "blue-quota"]
    assert printed["exchanges"][0]["name"] == "blue-events"
    assert printed["bindings"][0]["destination"] == "blue-quota"


def test_every_queue_is_a_quorum_queue_with_an_expiring_dead_letter_queue() -> None:
    for queue in json.loads(FILE.read_text())["queues"]:
        arguments = queue["arguments"]
        assert arguments["x-queue-type"] == "quorum"
        assert queue["durable"]
        if queue["name"].endswith(".dead"):
            assert arguments["x-message-ttl"] == 7 * 24 * 3600 * 1000
            assert arguments["x-max-length"] == 10_000
        else:
            assert arguments["x-delivery-limit"] == 20
            assert arguments["x-dead-letter-routing-key"] == f"{queue['name']}.dead"


def test_a_queue_gets_the_last_event_of_a_commit_that_its_actor_has_not_decided_past() -> None:
    table = topology(QUEUES)

    def reached(*events: Event) -> dict[str, str]:
        deliveries = table.deliveries(Commits().of(*events))
        return {queue: event.type.removeprefix("generation.") for queue, event in deliveries.items()}

    assert reached(VALIDATED, RESERVED, intended()) == {"delivery": "validated"}
    assert reached(VALIDATED, RESERVED) == {"delivery": "validated", "invocation": "quota_reserved"}
    assert reached(VALIDATED, failed("quota_exceeded", "quota")) == dict.fromkeys(
        ("quota", "cancellation", "erasure", "projector", "delivery"), "failed"
    )
    assert reached(started(), settled()) == {
        "cancellation": "started",
        "delivery": "started",
        "completion": "prediction_settled",
    }
    assert reached(COMPLETED, QuotaSettled(period="2026-11", outcome="spent")) == dict.fromkeys(
        ("erasure", "projector", "delivery"), "completed"
    )


def test_a_queue_whose_actor_has_nothing_to_do_gets_nothing() -> None:
    commit = replace(Commits().of(started()), idle=frozenset({"cancellation"}))
    assert set(topology(QUEUES).deliveries(commit)) == {"delivery"}
