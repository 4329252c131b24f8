"""`exemplar up` on real servers, with a stand-in for the product."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pika

if TYPE_CHECKING:
    from tests.exemplar.local.conftest import FakeUp, Waiter


def test_once_returns_zero_after_one_picture_and_leaves_no_process(mongod_installed: None, fake_up: FakeUp) -> None:
    process = fake_up.start("inprocess", "once")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert fake_up.children() == []
    assert not list((fake_up.home / "run").iterdir())
    demo = json.loads((fake_up.home / "demo.json").read_text())
    assert demo["base_url"] == f"http://127.0.0.1:{fake_up.port}"
    assert demo["amqp_url"] is None
    assert demo["free"]["base_url"] == demo["base_url"]
    assert demo["sandbox_url"].startswith("http://127.0.0.1:")
    for private in ("demo.json", "secrets.json"):
        assert stat.S_IMODE((fake_up.home / private).stat().st_mode) == 0o600
    assert re.search(r"mongod ready +\d+\.\d s", output)
    assert "curl -X POST" in output
    assert '-H "Authorization: Bearer ek_a"' in output
    assert output.count("-F example_images=@") == 3


def test_once_fails_without_a_picture(mongod_installed: None, fake_up: FakeUp) -> None:
    process = fake_up.start("inprocess", "once", "nopicture")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the demonstration failed: no picture after 1 s" in output


def test_a_refused_token_is_told_at_the_start_and_no_picture_is_tried(mongod_installed: None, fake_up: FakeUp) -> None:
    output, _ = fake_up.start("inprocess", "once", REPLICATE_API_TOKEN="r8_revoked").communicate(timeout=60)
    assert fake_up.started[-1].returncode == 1, output
    assert "  provider: refuses the token\n" in output
    assert "no picture is made: the provider refuses REPLICATE_API_TOKEN" in output


def test_with_rabbitmq_there_are_separate_processes_that_sigterm_ends_in_order(
    mongod_installed: None, rabbitmq_installed: None, fake_up: FakeUp, until: Waiter
) -> None:
    process = fake_up.start("rabbitmq")
    services = {"gateway", "worker", "scheduler", "sandbox"}
    until(lambda: fake_up.is_ready() and len(fake_up.noted()) == len(services) + 2, "four services, two held")
    assert fake_up.noted()[:2] == ["start gateway", "release gateway"], "nothing takes time from what is waited for"
    assert {line.removeprefix("start ") for line in fake_up.noted() if line.startswith("start ")} == services
    assert set(fake_up.noted()[-2:]) == {"release worker", "start scheduler"}, "they wait for RabbitMQ"
    amqp_url = json.loads((fake_up.home / "demo.json").read_text())["amqp_url"]
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:  # the node has loaded our definitions
        connection.channel().exchange_declare("events", exchange_type="topic", passive=True)
    node = json.loads((fake_up.home / "run" / "rabbitmq.pid").read_text())["pid"]
    assert Path(f"/proc/{node}/comm").read_text().strip() == "beam.smp", "signals must reach the node itself"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert fake_up.noted()[-4:] == ["end gateway", "end worker", "end scheduler", "end sandbox"]
    assert fake_up.children() == []


def test_the_next_start_cleans_up_a_killed_one_and_keeps_its_data_and_secrets(
    mongod_installed: None, fake_up: FakeUp, until: Waiter
) -> None:
    first = fake_up.start("inprocess")
    until(fake_up.is_ready, "the first start")
    secrets = (fake_up.home / "secrets.json").read_text()
    first_demo = json.loads((fake_up.home / "demo.json").read_text())
    first.kill()
    second = fake_up.start("inprocess", "once")
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0, output
    assert (fake_up.home / "secrets.json").read_text() == secrets
    assert json.loads((fake_up.home / "demo.json").read_text()) == first_demo
    assert fake_up.children() == []


def test_a_taken_port_is_refused_with_the_name_of_the_setting(fake_up: FakeUp) -> None:
    with socket.create_server(("127.0.0.1", fake_up.port)):
        process = fake_up.start("inprocess")
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert output.strip() == (
        f"port {fake_up.port} of 127.0.0.1 is taken or not permitted: set EXEMPLAR_PORT to a free one"
    )


def test_a_service_that_cannot_start_is_named_with_the_end_of_its_log(mongod_installed: None, fake_up: FakeUp) -> None:
    process = fake_up.start("inprocess", FAKE_BROKEN="solo")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "solo ended while starting" in output
    assert "a setting is missing" in output
    assert not fake_up.is_ready()
    assert fake_up.children() == []


def test_a_running_home_refuses_a_second_start_and_restarts_a_service_that_ends(
    mongod_installed: None, fake_up: FakeUp, until: Waiter
) -> None:
    process = fake_up.start("inprocess")
    until(fake_up.is_ready, "the start")
    second = fake_up.start("inprocess")
    refused, _ = second.communicate(timeout=30)
    assert second.returncode == 2
    holder = f"{fake_up.home} is in use by a running exemplar (process {process.pid})"
    assert refused == f"{holder}: stop it, or set EXEMPLAR_HOME to another folder\n"
    assert fake_up.is_ready(), "the refused start has touched the running one"
    pid_file = fake_up.home / "run" / "solo.pid"
    os.kill(json.loads(pid_file.read_text())["pid"], signal.SIGKILL)
    until(lambda: fake_up.noted().count("start solo") == 2, "a second solo")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "solo ended (signal 9), restarting in 0.2 s" in output
    assert Path(pid_file).exists() is False
