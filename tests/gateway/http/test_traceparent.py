"""Only a traceparent of W3C Trace Context reaches an event."""

import json
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.http.request_ids import traceparent_of
from tests.systems.gateway_harness import ONE, GatewayHarness

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MALFORMED = {
    "bytes that are no UTF-8": ["\xff\xfe"],
    "free text": ["garbage"],
    "7,000 letters": ["a" * 7_000],
    "nothing": [""],
    "two headers": [GOOD, GOOD],
    "upper case": [GOOD.upper()],
    "no trace id": [GOOD.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)],
    "no parent id": [GOOD.replace("b7ad6b7169203331", "0" * 16)],
    "version ff": ["ff" + GOOD[2:]],
    "more in version 00": [GOOD + "-more"],
    "too short": [GOOD[:-1]],
    "other digits": [GOOD.replace("1", "\u0661")],
}


def read(*values: str) -> str | None:
    return traceparent_of(make_mocked_request("GET", "/", CIMultiDict([("traceparent", value) for value in values])))


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_traceparent_is_ignored(name: str) -> None:
    assert read(*MALFORMED[name]) is None


@pytest.mark.parametrize("sent", [GOOD, f" {GOOD} ", GOOD[:-2] + "00", "cc" + GOOD[2:]])
def test_a_valid_traceparent_is_kept(sent: str) -> None:
    assert read(sent) == sent.strip()


def test_of_a_later_version_only_the_known_members_are_kept() -> None:
    assert read("01" + GOOD[2:] + "-what the future brings") == "01" + GOOD[2:]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["bytes that are no UTF-8", "free text", "7,000 letters", "two headers"])
async def test_a_submission_with_a_malformed_traceparent_is_accepted_without_it(
    gateway: GatewayHarness, name: str
) -> None:
    person = await gateway.person()
    known = [(key.encode(), value.encode()) for key, value in person.headers.items()]
    headers = [*known, *((b"traceparent", value.encode("latin-1")) for value in MALFORMED[name])]
    async with httpx.AsyncClient(base_url=str(gateway.client.make_url("/"))) as client:
        answer = await client.post(
            "/api/v1/generation/generate-v2",
            files={"example_images": ("a.jpg", gateway.picture)},
            data={"instructions": json.dumps({"prompt": "a cat"})},
            headers=headers,
        )
    assert answer.status_code == 202
    listed = f"{ONE}/{answer.json()['id']}/events?after=0"
    _, page = await gateway.get(listed, {**person.token, "Accept": "application/json"})
    events: list[dict[str, Any]] = page["events"]
    assert events
    assert not [event for event in events if "traceparent" in event]
