"""Every injected fault has its effect for the given number of creates."""

import asyncio
import json
from typing import Any

import httpx
import pytest


async def test_a_dropped_response_leaves_a_running_prediction(sandbox: Any) -> None:
    await sandbox.arm(create="drop_after_commit", times=1)
    with pytest.raises(httpx.TransportError):
        await sandbox.post()
    (creation,) = await sandbox.creations()
    assert (await sandbox.finished(creation["prediction"]))["status"] == "succeeded"
    assert (await sandbox.post()).status_code == 201


async def test_a_hanging_create_creates_nothing(sandbox: Any) -> None:
    await sandbox.arm(create="hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sandbox.post(), 0.3)
    assert await sandbox.creations() == []


@pytest.mark.parametrize(
    ("fault", "title", "detail"),
    [
        ("401", "Unauthenticated", "You did not pass a valid authentication token"),
        ("402", "Insufficient credit", "You have insufficient credit to run this model."),
        ("500", None, "Internal server error"),
    ],
)
async def test_a_refusal_creates_nothing(sandbox: Any, fault: str, title: str | None, detail: str) -> None:
    await sandbox.arm(create=fault)
    answer = await sandbox.post()
    assert answer.status_code == int(fault)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json().get("title") == title
    assert answer.json()["detail"].startswith(detail)
    assert await sandbox.creations() == []


async def test_a_429_has_retry_after(sandbox: Any) -> None:
    await sandbox.arm(create="429", retry_after=11)
    answer = await sandbox.post()
    assert (answer.status_code, answer.json()["retry_after"]) == (429, 11)
    assert answer.json()["detail"].endswith("Your rate limit resets in ~11s.")
    assert (answer.headers["ratelimit-remaining"], answer.headers["ratelimit-reset"]) == ("0", "11")
    assert await sandbox.creations() == []


async def test_an_html_502_creates_nothing(sandbox: Any) -> None:
    await sandbox.arm(create="html_502")
    answer = await sandbox.post()
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, "text/html")
    assert await sandbox.creations() == []


async def test_a_truncated_response_is_not_json_and_the_prediction_runs(sandbox: Any) -> None:
    await sandbox.arm(create="truncated")
    answer = await sandbox.post()
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert len(await sandbox.creations()) == 1


async def test_a_null_version_stays_null(sandbox: Any) -> None:
    await sandbox.arm(create="version_null")
    made = (await sandbox.post()).json()
    assert made["version"] is None
    assert (await sandbox.finished(made["id"]))["version"] is None


async def test_an_aborted_create_never_runs(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(create="aborted")
    made = (await sandbox.post(webhook=receiver.url)).json()
    assert (made["status"], made["started_at"], made["metrics"]["predict_time"]) == ("aborted", None, 0)
    (hook,) = await receiver.until(1)
    assert hook.json["status"] == "aborted"


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("failed", "failed", "Prediction failed: an unknown error happened (E1000)"),
        ("nsfw", "failed", "NSFW content detected. Try running it again, or try a different prompt."),
        ("E1001", "failed", "CUDA out of memory (E1001)"),
        ("E6716", "failed", "The model did not start in time (E6716)"),
        ("canceled", "canceled", None),
    ],
)
async def test_a_prediction_ends_with_the_armed_outcome(
    sandbox: Any, outcome: str, status: str, error: str | None
) -> None:
    await sandbox.arm(outcome=outcome)
    body = (await sandbox.post(headers={"Prefer": "wait"})).json()
    assert (body["status"], body["error"], body["output"]) == (status, error, None)
    assert (body["started_at"] is None) == (outcome == "E6716")
    assert ("NSFW content detected in image 0" in (body["logs"] or "")) == (outcome == "nsfw")


@pytest.fixture
async def output(sandbox: Any) -> Any:
    """Return a function that makes a prediction with a faulty output and returns the URL of the output."""

    async def made(fault: str) -> str:
        await sandbox.arm(output=fault)
        body = (await sandbox.post(headers={"Prefer": "wait"})).json()
        return str(body["output"][0])

    return made


async def test_an_output_can_be_missing(sandbox: Any, output: Any) -> None:
    assert (await sandbox.http.get(await output("404"))).status_code == 404


async def test_an_output_can_have_expired(sandbox: Any, output: Any) -> None:
    assert (await sandbox.http.get(await output("expired"))).status_code == 403


async def test_an_output_can_lie_on_another_host(sandbox: Any, output: Any) -> None:
    url = await output("foreign")
    assert url == f"{sandbox.url.replace('127.0.0.1', 'localhost')}/_sandbox/trap"


async def test_an_output_can_stop_half_way(sandbox: Any, output: Any) -> None:
    read = bytearray()
    async with sandbox.http.stream("GET", await output("stalled"), timeout=0.5) as answer:
        pieces = answer.aiter_raw()
        size = int(answer.headers["content-length"])
        while len(read) < size // 2:
            read += await anext(pieces)
        with pytest.raises(httpx.ReadTimeout):
            await anext(pieces)
    assert len(read) == size // 2


async def test_an_output_can_be_spoiled_for_the_first_downloads_only(sandbox: Any) -> None:
    await sandbox.arm(output="404", output_times=2)
    (url,) = (await sandbox.post(headers={"Prefer": "wait"})).json()["output"]
    assert [(await sandbox.http.get(url)).status_code for _ in range(3)] == [404, 404, 200]


async def test_an_output_can_be_half_a_picture(sandbox: Any, output: Any) -> None:
    answer = await sandbox.http.get(await output("truncated"))
    assert answer.content.startswith(b"\x89PNG")
    assert b"IEND" not in answer.content


async def test_an_output_can_be_a_web_page(sandbox: Any, output: Any) -> None:
    answer = await sandbox.http.get(await output("wrong_type"))
    assert answer.headers["content-type"].startswith("text/html")


async def test_an_output_can_redirect_to_the_trap_url(sandbox: Any, output: Any) -> None:
    answer = await sandbox.http.get(await output("redirect"))
    assert (answer.status_code, answer.headers["location"]) == (302, f"{sandbox.url}/_sandbox/trap")
    assert (await sandbox.http.get("/_sandbox/trapped")).json()["hits"] == 0
    await sandbox.http.get(answer.headers["location"])
    assert (await sandbox.http.get("/_sandbox/trapped")).json()["hits"] == 1


async def test_an_output_can_be_huge(sandbox: Any, output: Any) -> None:
    read = 0
    async with sandbox.http.stream("GET", await output("huge")) as answer:
        assert "content-length" not in answer.headers
        async for piece in answer.aiter_bytes():
            read += len(piece)
            if read > 20 * 2**20:
                break
    assert read > 20 * 2**20
    assert (await sandbox.http.get("/_sandbox/trapped")).json()["huge_bytes"] > 20 * 2**20


async def test_an_output_can_be_slow(sandbox: Any, output: Any) -> None:
    async with sandbox.http.stream("GET", await output("slow")) as answer:
        pieces = answer.aiter_raw()
        assert len(await anext(pieces)) == 64
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pieces), 0.4)


async def test_times_counts_well_formed_creates(sandbox: Any) -> None:
    await sandbox.arm(create="500", times=2)
    assert (await sandbox.post(input={"num_outputs": 9})).status_code == 422
    assert (await sandbox.http.get("/_sandbox/faults")).json() == [{"create": "500", "times": 2}]
    assert [(await sandbox.post()).status_code for _ in range(3)] == [500, 500, 201]
    assert (await sandbox.http.get("/_sandbox/faults")).json() == []


async def test_each_create_gets_the_first_faults_that_fit_its_prompt(sandbox: Any) -> None:
    faults = [{"create": "500", "prompt": "owl", "times": 1}, {"create": "402", "times": 1}, {"create": "429"}]
    assert (await sandbox.http.post("/_sandbox/faults", json=faults)).status_code == 200
    answers = [await sandbox.post(input={"prompt": prompt}) for prompt in ("a cat", "an owl", "an owl")]
    assert [answer.status_code for answer in answers] == [402, 500, 429]
    assert (await sandbox.http.get("/_sandbox/faults")).json() == [{"create": "429"}]


async def test_every_request_to_create_is_recorded_with_its_times(sandbox: Any) -> None:
    await sandbox.arm(create="429", retry_after=9, times=1)
    await sandbox.post()
    await sandbox.post()
    refused, made = (await sandbox.http.get("/_sandbox/requests")).json()["requests"]
    assert (refused["create"], refused["retry_after"], made["create"]) == ("429", 9, None)
    assert refused["at"] <= refused["answered_at"] <= made["at"] <= made["answered_at"]


async def test_an_empty_object_clears_the_faults(sandbox: Any) -> None:
    await sandbox.arm(create="500")
    await sandbox.arm()
    assert (await sandbox.post()).status_code == 201


@pytest.mark.parametrize(
    ("faults", "detail"),
    [
        ({"speed": 1}, "unknown fault 'speed'; known are latency_s, create, webhook, outcome, output, output_times"),
        ({"create": "explode"}, "create: Input should be 'drop_after_commit', 'hang'"),
        ({"times": 0}, "times: Input should be greater than or equal to 1"),
        ({"latency_s": "5"}, "latency_s: Input should be a valid number"),
        ("speed", "the faults must be a JSON object"),
        ([{}, 7], "the faults must be a JSON object"),
    ],
)
async def test_an_unknown_fault_is_refused_by_name(sandbox: Any, faults: Any, detail: str) -> None:
    answer = await sandbox.http.post("/_sandbox/faults", json=faults)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)
