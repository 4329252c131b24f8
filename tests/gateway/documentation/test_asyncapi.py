"""The AsyncAPI document is valid by its official schema, and says what streams, webhooks and the exchange send."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema_rs
import pytest_asyncio

from actors.subscriptions import QUEUES
from events.catalogue import CATALOGUE
from events.envelope import Cause, RecordedEvent, visible
from gateway.documentation.vendor import SCHEMA
from rabbitmq.topology import topology
from tests.systems.gateway_harness import GatewayHarness

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(gateway: GatewayHarness) -> Any:
    status, body = await gateway.get("/asyncapi.json")
    assert status == 200
    return body


@cache
def official() -> Any:
    schema = json.loads((SCHEMA / "asyncapi-3.0.0.json").read_bytes())
    return jsonschema_rs.Draft7Validator(schema)


def test_the_document_is_valid_asyncapi(served: Any) -> None:
    faults = [f"{'/'.join(map(str, one.instance_path))}: {one.message[:200]}" for one in official().iter_errors(served)]
    assert faults == []
    assert not official().is_valid({**served, "asyncapi": "2.0.0"})


def payload(served: Any, name: str) -> Any:
    """Compile the payload of a message, whose schemas refer to those of the document."""
    schema = {**served["components"]["messages"][name]["payload"], "components": served["components"]}
    return jsonschema_rs.Draft202012Validator(schema)


def test_every_event_is_as_its_messages_say(served: Any) -> None:
    for row in CATALOGUE.rows:
        event = RecordedEvent("stream-1", 1, NOW, row.sample, Cause(actor="actor:example"))
        camel = "".join(word.capitalize() for word in row.name.replace(".", "_").split("_"))
        recorded = payload(served, f"Recorded{camel}Event")
        assert recorded.is_valid(event.to_cloudevent()), row.name
        assert not recorded.is_valid({**event.to_cloudevent(), "type": "another"})
        if (shown := visible(event)) is not None:
            assert payload(served, f"{camel}Event").is_valid(shown), row.name


def test_the_channels_are_streams_webhooks_and_the_exchange_of_the_topology(served: Any) -> None:
    channels = served["channels"]
    assert {*channels} == {"generationStream", "userFeed", "projectFeed", "webhook", "exchange"}
    assert len(channels["exchange"]["messages"]) == len(CATALOGUE.rows)
    assert len(channels["webhook"]["messages"]) == len(CATALOGUE.deliverable)
    assert channels["exchange"]["bindings"]["amqp"]["exchange"]["name"] == topology(QUEUES).exchange
