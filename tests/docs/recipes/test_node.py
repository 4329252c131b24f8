"""The recipes in JavaScript, saved under their names and run by Node."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image
from standardwebhooks import Webhook

from exemplar_client import Client, Keys
from tests.clients.faulty_proxy import FaultyProxy, response
from tests.docs.recipes.pages import environment, lay_out, missing, run
from tests.systems.account import Account, open_account
from tests.systems.system import System
from tests.systems.tenants import small

pytestmark = pytest.mark.skipif(missing("node"), reason="no Node")
SUBMIT = "/generate-v2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lay_out(tmp_path)


@pytest.fixture
def client(solo: System, account: Account) -> Iterator[Client]:
    keys = Keys(account.project_id, account.developer_key, account.api_key)
    with Client(solo.base_url, keys, email=account.email, password=account.password) as client:
        yield client


def is_picture(path: Path) -> bool:
    with Image.open(path) as picture:
        picture.verify()
    return True


def test_a_portfolio_gets_its_picture(solo: System, account: Account, client: Client, folder: Path) -> None:
    said = run(["node", "portfolio.mjs"], folder, account.environment(solo.base_url))
    status, generation = said.split()
    assert status == "completed"
    assert client.picture(generation).content == (folder / "portfolio.png").read_bytes()
    assert len(client.get(generation)["example_images"]) == 3
    assert "professional photography" in client.get(generation)["instructions"]


def test_variations_are_not_created_again_by_a_repeated_request(
    solo: System, account: Account, client: Client, folder: Path
) -> None:
    said = run(["node", "products.mjs"], folder, account.environment(solo.base_url))
    assert all(is_picture(folder / f"cup-{variation}.png") for variation in ("red", "blue", "wooden"))
    assert run(["node", "products.mjs"], folder, account.environment(solo.base_url)) == said
    assert client.page()["total"] == 3
    assert {line.split()[0] for line in said.splitlines()} == {"completed"}


def test_variations_run_one_after_the_other_on_a_tier_with_one_slot(solo: System, folder: Path) -> None:
    account = open_account(solo, "free_starter")
    said = run(["node", "products.mjs"], folder, account.environment(solo.base_url))
    assert [line.split()[0] for line in said.splitlines()] == ["completed"] * 3


def test_a_content_platform_shows_progress_and_reasons(solo: System, account: Account, folder: Path) -> None:
    lines = run(["node", "platform.mjs"], folder, account.environment(solo.base_url)).splitlines()
    versions = [int(line.split()[0]) for line in lines[:-2]]
    assert versions == sorted(set(versions))
    assert (lines[0], lines[-3].split()[1]) == ("1 generation.requested", "generation.completed")
    picture = httpx.get(lines[-2])  # a signed link needs no token
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
    assert lines[-1] == "422 invalid_instructions_prompt"


def test_failures_during_a_request_cost_nothing(solo: System, account: Account, client: Client, folder: Path) -> None:
    with FaultyProxy(solo.base_url) as proxy:
        proxy.inject("/auth/login", instead=response(503, Retry_After="1"))
        proxy.inject(SUBMIT, after=0)
        proxy.inject(SUBMIT, instead=response(401))
        proxy.inject("/images/0", after=2000)
        run(["node", "portfolio.mjs"], folder, account.environment(proxy.url))
        assert not proxy.faults
        assert len(proxy.heads(SUBMIT)) == 3
    assert client.page()["total"] == 1
    assert is_picture(folder / "portfolio.png")


def test_a_reader_misses_no_event_when_its_stream_is_interrupted(
    solo: System, account: Account, client: Client, folder: Path
) -> None:
    generation = client.submit([small()], {"prompt": "a lighthouse"}).id
    events = [f"{event.position} {event.type}" for event in client.events(generation)]
    with FaultyProxy(solo.base_url) as proxy:
        for cut in (300, 700, 500):
            proxy.inject("/events", after=cut)
        said = run(["node", "follow.mjs", generation], folder, account.environment(proxy.url))
        assert not proxy.faults
    assert [" ".join(line.split()[:2]) for line in said.splitlines()] == events
    last = events[-1].split()[0]
    again = run(["node", "follow.mjs", generation, last], folder, account.environment(solo.base_url))
    assert not again


@contextmanager
def listening(folder: Path, secret: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run the receiver of webhooks; return its URL and its output."""
    env = environment({"WEBHOOK_SECRET": secret, "PORT": "0"})
    program = subprocess.Popen(["node", "webhook.mjs"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    try:
        found = re.fullmatch(r"listening (\d+)\n", program.stdout.readline())
        assert found
        yield f"http://127.0.0.1:{found[1]}/hook", program
    finally:
        program.kill()
        program.communicate(timeout=10)


def test_a_receiver_takes_the_real_webhook(client: Client, folder: Path) -> None:
    with listening(folder, client.webhook_secret()) as (url, program):
        generation = client.submit([small()], {"prompt": "a lighthouse"}, webhook=url).id
        assert program.stdout is not None
        assert program.stdout.readline() == f"generation.completed {generation} completed\n"


def test_a_receiver_refuses_forged_webhooks_and_handles_each_once(folder: Path) -> None:
    secret, other = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0", "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXI="
    body = '{"type": "generation.completed", "data": {"id": "g", "status": "completed"}}'
    now = datetime.now(UTC)

    def headers(at: datetime = now, key: str = secret, **more: str) -> dict[str, str]:
        signature = Webhook(key).sign("msg_1", at, body)
        named = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp()))}
        return named | {"webhook-signature": signature} | {k.replace("_", "-"): v for k, v in more.items()}

    with listening(folder, secret) as (url, program):
        refused = [
            httpx.post(url, content=body.replace("g", "h"), headers=headers()),
            httpx.post(url, content=body, headers=headers(now - timedelta(minutes=6))),
            httpx.post(url, content=body, headers=headers(now + timedelta(minutes=6))),
            httpx.post(url, content=body, headers=headers(key=other)),
            httpx.post(url, content=body, headers=headers(webhook_id="msg_2")),
            httpx.post(url, content=body, headers=headers(webhook_signature="v1,")),
            httpx.post(url, content=body, headers=headers(webhook_timestamp="NaN")),
            httpx.post(url, content=body),
        ]
        both = headers(key=other)["webhook-signature"] + " " + headers()["webhook-signature"]
        taken = [httpx.post(url, content=body, headers=headers(webhook_signature=both)) for _ in range(3)]
        program.kill()
        said, _ = program.communicate(timeout=10)
    assert [one.status_code for one in refused] == [400] * len(refused)
    assert [one.status_code for one in taken] == [204] * 3
    assert said == "generation.completed g completed\n"
