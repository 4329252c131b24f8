"""`exemplar status`: one look, as text and JSON, and what needs attention."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer
from pymongo import MongoClient
from rich.console import Console
from typer.testing import CliRunner

from actors.providers.replicate import ReplicateProvider
from exemplar.commands.subscribers import SubscribersReport
from exemplar.diagnosis.health import Health
from exemplar.diagnosis.status import show_status
from exemplar.diagnosis.status_report import StatusReport
from exemplar.diagnosis.status_view import render
from rabbitmq.depths import Depth
from store.leases.pauses import Pause

WELL = StatusReport(
    at=datetime(2026, 11, 28, tzinfo=UTC),
    system="the services",
    health=Health({"status": "healthy", "version": "1", "database": {"status": "healthy"}}),
    queues={"quota": Depth(messages=3, consumers=1, dead=0)},
    broker_fault=None,
    generations={"started": 2},
    subscribers=SubscribersReport(10, {"delivery": 7}, [], []),
    dead_letters=0,
    controls=["maintenance"],
    provider=None,
    token_refused=False,
    runs=True,
)
DEGRADED = Health({"status": "healthy", "version": "1", "provider": {"status": "degraded"}})


def shown(report: StatusReport) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(render(report))
    return captured.get()


def test_the_view_has_queues_subscribers_and_generations() -> None:
    text = shown(WELL)
    assert all(part in text for part in ("gateway: healthy", "quota", "7 of 10", "started", "in force: maintenance"))
    assert "nothing needs attention" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"health": Health({}, "refused")}, "the gateway is unreachable: exemplar doctor"),
        ({"broker_fault": "refused"}, "RabbitMQ cannot be read (refused)"),
        ({"queues": {"quota": Depth(messages=3, consumers=0, dead=0)}}, "no worker handles quota: exemplar worker"),
        ({"dead_letters": 4}, "4 failed calls of actors: exemplar failed list dead-letters"),
        ({"dead_letters": 1}, "1 failed call of actors"),
        ({"provider": Pause("provider_unauthorized", 30.0)}, "refuses the account (provider_unauthorized): make"),
        ({"provider": Pause("provider_payment", 30.0)}, "(provider_payment): https://replicate.com/account/billing"),
        ({"provider": Pause("provider_throttled", 30.0)}, "limits the rate of calls (provider_throttled): wait"),
        ({"token_refused": True}, "refuses the token (provider_unauthorized): make another token at https://replicate"),
        ({"health": DEGRADED}, "the gateway does not call the provider: exemplar doctor"),
        ({"runs": False, "health": None}, "nothing runs, with 2 unfinished generations: make run"),
        ({"subscribers": SubscribersReport(10, {}, [], ["a:1"])}, "exemplar scheduler"),
    ],
)
def test_what_needs_attention_is_named_with_what_to_type(change: dict[str, Any], said: str) -> None:
    report = replace(WELL, **change)
    assert said in "\n".join(report.attention)
    assert said in shown(report)


def test_one_look_reads_the_store(mongodb_url: str) -> None:
    app = typer.Typer(add_completion=False)
    app.command()(show_status)
    environ = {"EXEMPLAR_MONGODB_URL": mongodb_url, "EXEMPLAR_PORT": "1", "EXEMPLAR_AMQP_URL": None}
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        database = client.get_default_database()
        database["generations"].insert_one({"_id": "g", "state": "started", "due_at": datetime(2026, 1, 1, tzinfo=UTC)})
        open_until = datetime.now(UTC) + timedelta(minutes=5)
        database["pauses"].insert_one(
            {"_id": ReplicateProvider.name, "reason": "provider_payment", "until": open_until}
        )
    done = CliRunner().invoke(app, ["--json"], env=environ)
    body = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (body["generations"]["started"], body["generations"]["waiting"], body["queues"]) == (1, 0, {})
    assert body["attention"] == [
        "the gateway is unreachable: exemplar doctor",
        "the provider refuses the account, which cannot pay (provider_payment): https://replicate.com/account/billing",
    ]
