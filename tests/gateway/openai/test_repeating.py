"""What OpenAI's packages are told about sending a request again, on a gateway whose generations never end."""

import json
from typing import Any, Final

import pytest
from aiohttp import FormData

from gateway.submissions.completion_wait import CompletionWait
from store.errors import StoreUnavailableError
from tests.systems.gateway_harness import GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDITS: Final = "/v1/images/edits"


async def edited(gateway: GatewayHarness, person: Person, **headers: str) -> tuple[int, str | None, Any]:
    """Send a request that waits no longer than a moment; return status, advice and body."""
    form = FormData({"prompt": "a lighthouse"})
    form.add_field("image", gateway.picture, filename="a.jpg")
    more = {"X-Stainless-Read-Timeout": "1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with gateway.client.post(EDITS, data=form, headers={**person.headers, **more}) as answer:
        return answer.status, answer.headers.get("X-Should-Retry"), json.loads(await answer.text())


async def recorded(gateway: GatewayHarness, person: Person) -> list[str]:
    _, page = await gateway.get("/api/v1/generation/generations-v2", person.token)
    return [one["id"] for one in page["generations"]]


async def test_an_unfinished_generation_is_not_made_again(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    status, again, body = await edited(gateway, person)
    assert (status, again, body["error"]["code"]) == (504, "false", "generation_unfinished")
    assert await recorded(gateway, person) == [body["error"]["generation_id"]]


async def test_with_a_key_the_request_is_repeated_and_waits_for_the_same_generation(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    answers = [await edited(gateway, person, Idempotency_Key="order-7") for _ in range(2)]
    assert [again for _, again, _ in answers] == ["true", "true"]
    assert await recorded(gateway, person) == [answers[1][2]["error"]["generation_id"]]


async def test_a_store_that_fails_after_the_record_makes_no_second_generation(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> None:
        raise StoreUnavailableError

    person = await gateway.person()
    monkeypatch.setattr(CompletionWait, "finished", lost)
    status, again, body = await edited(gateway, person)
    assert (status, again, body["error"]["code"]) == (503, "false", "store_unavailable")
    assert await recorded(gateway, person) == [body["error"]["generation_id"]]


async def test_what_was_not_recorded_is_left_to_the_package(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    async with gateway.client.post(EDITS, data={"prompt": "no image"}, headers=person.headers) as answer:
        assert (answer.status, "X-Should-Retry" in answer.headers) == (400, False)
    assert await recorded(gateway, person) == []
