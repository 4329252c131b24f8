"""`exemplar generate`, `watch` and `list` against a running system."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from exemplar.client_commands.following import follow
from exemplar_client import AccessKey, Client, Generation
from tests.clients.commands.terminal import Terminal
from tests.clients.faulty_proxy import FaultyProxy
from tests.systems.system import System
from tests.systems.tenants import small


def test_beside_a_running_system_one_command_makes_a_picture(home: Path, folder: Path) -> None:
    done = Terminal(XDG_CONFIG_HOME=str(folder / "config")).run("generate", "cup.jpg", "--prompt", "Steam over a cup")
    assert done.code == 0, done.error
    assert ".exemplar)" in done.error
    assert "generation.completed" in done.error
    [name] = done.out.split()
    with Image.open(folder / name) as picture:
        picture.verify()


def test_json_is_the_resource_with_the_files(terminal: Terminal, folder: Path) -> None:
    given = ("--style", "watercolour", "--set", "seed=7", "--set", "mood=calm", "-o", "made.png", "--json")
    done = terminal.run("generate", "cup.jpg", "cup.jpg", "--prompt", "a cup", *given)
    assert (done.code, done.json["status"], done.json["files"]) == (0, "completed", ["made.png"])
    assert json.loads(done.json["instructions"]) == {
        "prompt": "a cup",
        "style": "watercolour",
        "seed": 7,
        "mood": "calm",
    }
    assert (folder / "made.png").stat().st_size == done.json["result"]["images"][0]["size_bytes"]
    assert len(done.json["example_images"]) == 2


def test_without_waiting_the_id_is_printed_and_can_be_watched(terminal: Terminal, folder: Path) -> None:
    key = str(uuid4())
    sent = ("generate", "cup.jpg", "--prompt", "a cup", "--no-wait", "--idempotency-key", key)
    first, again = terminal.run(*sent), terminal.run(*sent, "--json")
    generation = first.out.strip()
    assert (first.code, again.json["id"], again.json["replayed"]) == (0, generation, True)
    watched = terminal.run("watch", generation, "--output", ".")
    assert (watched.code, watched.out) == (0, f"{generation}.png\n")
    assert (folder / f"{generation}.png").is_file()
    assert "0.00 s  generation.requested" in watched.error
    assert "0.00 s  generation.completed" not in watched.error
    listed = terminal.run("list", "--status", "completed")
    assert [line.split()[0] for line in listed.out.split("\n")[2:] if line] == [generation]
    assert [one["id"] for one in terminal.run("list", "--json", "--limit", "1").json] == [generation]


def test_a_generation_that_fails_is_exit_code_1_with_the_reason(terminal: Terminal) -> None:
    done = terminal.run("generate", "cup.jpg", "--prompt", "a cup [sandbox:nsfw]", "--json")
    assert (done.code, done.json["status"]) == (1, "failed")
    assert "(content_flagged); the same request would fail again" in done.error


def test_a_canceled_generation_is_told_as_such(terminal: Terminal, solo: System, access_key: str) -> None:
    sent = terminal.run("generate", "cup.jpg", "--prompt", "a cup [sandbox:slow=20]", "--no-wait")
    with Client(solo.base_url, AccessKey(access_key)) as client:
        client.cancel(sent.out.strip())
    watched = terminal.run("watch", sent.out.strip())
    assert (watched.code, watched.error.endswith(f"{sent.out.strip()} was canceled\n")) == (1, True)


def test_one_that_takes_too_long_goes_on_and_the_command_says_how(terminal: Terminal) -> None:
    sent = terminal.run("generate", "cup.jpg", "--prompt", "a cup [sandbox:slow=20]", "--timeout", "0")
    assert sent.code == 6
    generation = sent.error.partition(" ")[2].partition(")\n")[2].partition(" ")[0]
    assert sent.error.endswith(f"it goes on: `exemplar watch {generation}`\n")


class Recorded:
    """A display that keeps the events."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.versions: list[int] = []

    def happened(self, event: dict[str, Any]) -> None:
        self.types.append(event["type"])
        self.versions.append(event["version"])

    def update(self, generation: Generation) -> None:
        """Keep nothing."""


def test_a_restart_of_the_service_is_waited_for(solo: System, access_key: str, proxy: FaultyProxy) -> None:
    display = Recorded()
    with Client(proxy.url, AccessKey(access_key), sleep=lambda _: None) as client:
        generation = client.submit([small()], {"prompt": "a cup"}).id
        for _ in range(12):  # more than the first answer is waited for
            proxy.inject("/events", after=0)
        assert follow(client, generation, display, timeout=60)["status"] == "completed"
    assert not proxy.faults
    assert (display.types[0], display.types[-1]) == ("generation.requested", "generation.completed")
    assert len(set(display.versions)) == len(display.versions)


def test_errors_say_what_to_do(terminal: Terminal, folder: Path) -> None:
    (folder / "words.txt").write_text("no picture")
    for arguments, code, said in (
        (("nowhere.jpg", "--prompt", "p"), 2, "nowhere.jpg: No such file or directory"),
        (("cup.jpg",) * 6 + ("--prompt", "p"), 2, "6 pictures: send at most 5"),
        (("cup.jpg", "--prompt", "p", "--set", "seed"), 2, "write KEY=VALUE"),
        (("cup.jpg", "--prompt", "p", "-o", "nowhere/a.png"), 2, "mkdir -p nowhere"),
        (("cup.jpg", "--prompt", ""), 4, "(invalid_instructions_prompt, request "),
        (("cup.jpg", "words.txt", "--prompt", "p"), 4, "picture 2: Invalid file format. Supported formats: JPEG, PNG"),
    ):
        done = terminal.run("generate", *arguments)
        assert (done.code, done.out) == (code, "")
        assert said in done.error


def test_wrong_credentials_and_silent_services_are_told_apart(terminal: Terminal) -> None:
    unknown = terminal.run("watch", str(uuid4()))
    terminal.environ["EXEMPLAR_ACCESS_KEY"] = "ek_wrong"
    wrong = terminal.run("list")
    terminal.environ["EXEMPLAR_URL"] = "http://127.0.0.1:1"
    silent = terminal.run("list")
    assert (unknown.code, wrong.code, silent.code) == (4, 4, 5)
    assert "does not accept the credentials" in wrong.error
    assert "`exemplar login`" in wrong.error
    assert "no answer from http://127.0.0.1:1: is it running? `exemplar doctor`" in silent.error
