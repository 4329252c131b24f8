"""`exemplar listen` and `trigger`: webhooks to a program on this machine."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from events.catalogue import CATALOGUE
from exemplar_client import AccessKey, Client, WebhookVerificationError, verify_webhook
from tests.clients.commands.receiver import Receiver, receiving
from tests.clients.commands.terminal import Terminal
from tests.clients.faulty_proxy import FaultyProxy
from tests.systems.account import Account
from tests.systems.system import System
from tests.systems.tenants import small

CHOSEN = ("--event", "started", "--event", "completed")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def ctrl_c(receiver: Receiver) -> Iterator[None]:
    """Press Ctrl-C once a generation has ended."""

    def press(message: dict[str, Any]) -> None:
        if message["type"] in CATALOGUE.final:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    receiver.on_message = press
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def finished(solo: System, access_key: str) -> str:
    with Client(solo.base_url, AccessKey(access_key)) as client:
        generation = client.submit([small()], {"prompt": "a cup"}, metadata={"order": 7}).id
        client.wait(generation)
        return generation


@pytest.mark.usefixtures("ctrl_c")
def test_every_event_arrives_once_signed_and_in_order_across_lost_connections(
    terminal: Terminal,
    receiver: Receiver,
    finished: str,
    proxy: FaultyProxy,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exemplar.client_commands.connection._pause", lambda _: None)
    terminal.environ["EXEMPLAR_URL"] = proxy.url
    proxy.inject("/events", after=900)
    proxy.inject("/events", after=0)
    done = terminal.run("listen", "--forward-to", receiver.url, "--after", "0")
    assert (done.code, proxy.faults) == (0, proxy.faults.__class__())
    assert "`--after " in done.error
    secret = done.out.split("\n")[0].removeprefix("Signing secret: ")
    messages = [verify_webhook(secret, headers, body) for headers, body in receiver.received]
    assert [message["data"]["version"] for message in messages] == sorted(
        {message["data"]["version"] for message in messages}
    )
    last = messages[-1]
    assert (messages[0]["type"], last["type"]) == ("generation.requested", "generation.completed")
    assert {message["data"]["id"] for message in messages} == {finished}
    assert (last["data"]["status"], last["data"]["metadata"]) == ("completed", {"order": 7})
    assert (last["data"]["project_id"], last["data"]["event"]["type"]) == (account.project_id, last["type"])
    assert "metadata" not in last["data"]["event"]["data"]
    assert messages[0]["data"]["status"] == "pending"


@pytest.mark.usefixtures("ctrl_c", "finished")
def test_chosen_events_alone_are_sent_and_refusals_are_shown(terminal: Terminal, receiver: Receiver) -> None:
    receiver.status = 500
    done = terminal.run("listen", "--forward-to", receiver.url, "--after", "0", "--json", *CHOSEN)
    assert [message["type"] for message in receiver.messages] == ["generation.started", "generation.completed"]
    assert json.loads(done.out.splitlines()[1])["status"] == 500


def test_an_example_is_verified_by_the_secret_that_listen_prints_too(terminal: Terminal, receiver: Receiver) -> None:
    done = terminal.run("trigger", "generation.failed", "--forward-to", receiver.url.removeprefix("http://"))
    assert done.code == 0, done.error
    secret = done.error.split()[2]
    [(headers, body)] = receiver.received
    message = verify_webhook(secret, headers, body)
    assert (message["type"], message["data"]["example"]) == ("generation.failed", True)
    terminal.run("trigger", "completed", "--forward-to", receiver.url, "--secret", "whsec_c2VjcmV0")
    with pytest.raises(WebhookVerificationError):
        verify_webhook(secret, *receiver.received[1])
    assert verify_webhook("whsec_c2VjcmV0", *receiver.received[1])["type"] == "generation.completed"


def test_the_exit_code_of_an_example_is_the_answer(terminal: Terminal, receiver: Receiver) -> None:
    receiver.status = 400
    refused = terminal.run("trigger", "completed", "--forward-to", receiver.url, "--json")
    assert (refused.code, refused.json["status"]) == (1, 400)
    silent = terminal.run("trigger", "completed", "--forward-to", "http://127.0.0.1:1")
    assert (silent.code, "start your program first" in silent.error) == (5, True)


def test_wrong_arguments_are_named(terminal: Terminal) -> None:
    for command, said in (
        (("trigger", "finished", "--forward-to", "localhost:1"), "there are generation.requested, "),
        (("trigger", "completed", "--forward-to", "ftp://localhost"), "write an address"),
        (("trigger", "completed", "--forward-to", "localhost:1", "--secret", "secret"), "expected whsec_"),
        (("listen", "--forward-to", "localhost:1", "--after", "nowhere"), "no position of this feed"),
    ):
        done = terminal.run(*command)
        assert (done.code, said in done.error) == (2, True), done.error
