"""The exact responses to create requests."""

import asyncio
import itertools
import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from sandbox.account import ACCOUNT
from sandbox.app import create_app
from sandbox.faults import NO_FAULTS
from sandbox.settings import SandboxSettings


async def test_a_created_prediction_has_replicates_fields_and_headers(sandbox: Any, version: str) -> None:
    answer = await sandbox.post(input={"seed": 7, "prompt": "a cat"})
    body = answer.json()
    assert answer.status_code == 201
    assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", body["id"])
    assert list(body["input"]) == ["prompt", "seed"]
    assert (body["status"], body["logs"], body["output"], body["error"]) == ("starting", "", None, None)
    assert (body["model"], body["version"], body["source"]) == ("stability-ai/sdxl", version, "api")
    assert body["urls"]["cancel"] == f"{sandbox.url}/v1/predictions/{body['id']}/cancel"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["created_at"])
    assert "webhook" not in body
    assert (answer.headers["ratelimit-remaining"], answer.headers["ratelimit-reset"]) == ("599", "60")


async def test_the_log_grows_while_the_model_works(sandbox: Any) -> None:
    await sandbox.arm(latency_s=1.0)
    made = (await sandbox.post(input={"prompt": "a cat", "seed": 7, "width": 64, "height": 64})).json()
    logs: list[str] = []
    while (body := (await sandbox.http.get(made["urls"]["get"])).json())["status"] != "succeeded":
        logs.append(body["logs"])
        await asyncio.sleep(0.05)
    start = "Using seed: 7\nPrompt: a cat\ntxt2img mode\n  0%|          | 0/50 [00:00<?, ?it/s]\n"
    assert any(log.startswith(start) for log in logs)
    assert len(set(logs)) >= 4
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(logs))
    assert body["logs"].endswith("100%|██████████| 50/50 [00:01<00:00, 50.00it/s]\n")


async def test_every_invalid_input_is_named(sandbox: Any) -> None:
    wrong = {
        "num_outputs": 5,
        "guidance_scale": 0.5,
        "scheduler": "X",
        "width": "1",
        "image": "cat",
        "model": 1,
    }
    answer = await sandbox.post(input=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    choices = '"DDIM", "DPMSolverMultistep", "HeunDiscrete", "KarrasDPM", "K_EULER_ANCESTRAL", "K_EULER", "PNDM"'
    assert answer.json() == {
        "title": "Input validation failed",
        "status": 422,
        "detail": (
            "- input: Additional property model is not allowed\n"
            "- input.image: Does not match format 'uri'\n"
            "- input.width: Invalid type. Expected: integer, given: string\n"
            "- input.num_outputs: Must be less than or equal to 4\n"
            f"- input.scheduler: input.scheduler must be one of the following: {choices}\n"
            "- input.guidance_scale: Must be greater than or equal to 1\n"
        ),
        "invalid_fields": [
            _field("additional_property_not_allowed", "input", "Additional property model is not allowed"),
            _field("format", "input.image", "Does not match format 'uri'"),
            _field("invalid_type", "input.width", "Invalid type. Expected: integer, given: string"),
            _field("number_lte", "input.num_outputs", "Must be less than or equal to 4"),
            _field("enum", "input.scheduler", f"input.scheduler must be one of the following: {choices}"),
            _field("number_gte", "input.guidance_scale", "Must be greater than or equal to 1"),
        ],
    }
    assert await sandbox.creations() == []


def _field(kind: str, field: str, description: str) -> dict[str, str]:
    return {"type": kind, "field": field, "description": description}


async def test_a_body_without_version_and_input_is_refused(sandbox: Any) -> None:
    answer = await sandbox.http.post("/v1/predictions", json={"extra": 1})
    assert answer.json()["detail"] == (
        "- version is required\n- input is required\n- Additional property extra is not allowed\n"
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"input": []}, "- input: Invalid type. Expected: object, given: array\n"),
        ({"webhook": "ftp://x/y"}, "- webhook: Does not match format 'uri'\n"),
        ({"webhook_events_filter": ["end"]}, "- webhook_events_filter.0: "),
        ({"input": {"seed": True}}, "- input.seed: Invalid type. Expected: integer, given: boolean\n"),
        ({"input": {"prompt_strength": 1.1}}, "- input.prompt_strength: Must be less than or equal to 1\n"),
        (
            {"input": {"num_inference_steps": 0}},
            "- input.num_inference_steps: Must be greater than or equal to 1\n",
        ),
        ({"input": {"prompt": None}}, "- input.prompt: Invalid type. Expected: string, given: null\n"),
    ],
)
async def test_a_wrong_body_is_refused(sandbox: Any, body: dict[str, Any], detail: str) -> None:
    answer = await sandbox.post(**body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(detail)


@pytest.mark.parametrize("version", ["0" * 64, "stability-ai/sdxl", "someone/else:" + "0" * 64, ""])
async def test_an_unknown_version_is_refused(sandbox: Any, version: str) -> None:
    answer = await sandbox.post(version=version)
    assert answer.json() == {
        "title": "Invalid version or not permitted",
        "detail": "The specified version does not exist (or perhaps you don't have permission to use it?)",
        "status": 422,
    }


@pytest.mark.parametrize("content", [b"", b"{", b'{"input": NaN}', b"[" * 100_000, b"\xff"])
async def test_an_invalid_json_body_is_refused(sandbox: Any, content: bytes) -> None:
    answer = await sandbox.http.post("/v1/predictions", content=content)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)


@pytest.mark.parametrize("path", ["/v1/predictions/none", "/v1/nothing", "/files/out/none/out-0.png", "/p/none"])
async def test_an_unknown_resource_is_a_404_problem(sandbox: Any, path: str) -> None:
    answer = await sandbox.http.get(path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_a_wait_that_ends_before_the_model_gets_202(sandbox: Any) -> None:
    await sandbox.arm(latency_s=30.0)
    begun = time.monotonic()
    answer = await sandbox.post(headers={"Prefer": "wait=1"})
    assert 0.9 < time.monotonic() - begun < 10
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
    assert answer.json()["status"] == "processing"


async def test_a_deadline_is_shown(sandbox: Any) -> None:
    made = (await sandbox.post(headers={"Cancel-After": "1h30m45s"})).json()
    span = datetime.fromisoformat(made["deadline"]) - datetime.fromisoformat(made["created_at"])
    assert span == timedelta(hours=1, minutes=30, seconds=45)


@pytest.mark.parametrize(("boot_seconds", "status"), [(0.0, "canceled"), (60.0, "aborted")])
async def test_a_deadline_cancels_a_running_and_aborts_a_waiting_prediction(
    settings: SandboxSettings, version: str, boot_seconds: float, status: str
) -> None:
    app = create_app(settings.model_copy(update={"boot_seconds": boot_seconds, "predict_seconds": 60.0}))
    async with TestServer(app):
        prediction = app[ACCOUNT].create(
            {"input": {}},
            version=version,
            base="http://sandbox",
            faults=NO_FAULTS,
            cancel_after=timedelta(seconds=0.3),
        )
        await asyncio.wait_for(prediction.done.wait(), 5)
    body = prediction.body(prediction.created_at)
    assert body["status"] == status
    assert (body["metrics"]["predict_time"] > 0) == (status == "canceled")
    assert body["metrics"]["total_time"] >= 0.29


@pytest.mark.parametrize("value", ["4s", "soon", "", "-5", "1.5m"])
async def test_a_malformed_or_short_deadline_is_refused(sandbox: Any, value: str) -> None:
    answer = await sandbox.post(headers={"Cancel-After": value})
    assert answer.status_code == 422


async def test_an_unreadable_picture_fails_the_prediction(sandbox: Any) -> None:
    answer = await sandbox.post(
        headers={"Prefer": "wait"}, input={"image": "data:image/png;base64,bm90IGEgcGljdHVyZQ=="}
    )
    assert (answer.json()["status"], answer.json()["error"]) == ("failed", "cannot identify image file")


async def test_a_remote_picture_is_never_fetched(sandbox: Any, receiver: Any) -> None:
    answer = await sandbox.post(headers={"Prefer": "wait"}, input={"image": receiver.url})
    assert answer.json()["status"] == "failed"
    assert "offline" in answer.json()["error"]
    assert receiver.hooks == []


async def test_the_data_of_a_prediction_is_dropped_an_hour_after_its_end(sandbox: Any) -> None:
    made = (await sandbox.post(headers={"Prefer": "wait"})).json()
    sandbox.clock.ahead = timedelta(minutes=59)
    assert (await sandbox.finished(made["id"]))["output"] == made["output"]
    sandbox.clock.ahead = timedelta(minutes=61)
    body = await sandbox.finished(made["id"])
    assert (body["data_removed"], body["output"], body["input"]) == (True, None, {})
    assert (await sandbox.http.get(made["output"][0])).status_code == 404
    assert len(await sandbox.creations()) == 1


async def test_the_oldest_data_is_dropped_beyond_the_budget(settings: SandboxSettings, version: str) -> None:
    app = create_app(settings.model_copy(update={"keep_mib": 1, "predict_seconds": 0.0}))
    async with TestClient(TestServer(app)) as client:
        headers = {"Authorization": f"Bearer {settings.token}", "Prefer": "wait"}
        made = []
        for character in "abc":
            body = {"version": version, "input": {"prompt": character * 400_000, "width": 8, "height": 8}}
            made.append(await (await client.post("/v1/predictions", json=body, headers=headers)).json())
        shown = [await (await client.get(URL(one["urls"]["get"]).path, headers=headers)).json() for one in made]
    assert [one["data_removed"] for one in shown] == [True, False, False]


async def test_the_prepared_picture_is_returned_for_every_prediction(settings: SandboxSettings, version: str) -> None:
    app = create_app(settings.model_copy(update={"picture": "ready"}))
    async with TestClient(TestServer(app)) as client:
        headers = {"Authorization": f"Bearer {settings.token}", "Prefer": "wait"}
        pictures = set()
        for prompt in ("neon", "forest"):
            body = {"version": version, "input": {"prompt": prompt, "num_outputs": 2}}
            made = await (await client.post("/v1/predictions", json=body, headers=headers)).json()
            pictures |= {await (await client.get(URL(url).path)).read() for url in made["output"]}
    assert len(pictures) == 1


async def test_every_creation_is_listed_with_its_generation_and_attempt(sandbox: Any) -> None:
    hook = "http://127.0.0.1:9/hook?g=6a0c&a=2"
    first = (await sandbox.post(webhook=hook, webhook_events_filter=[])).json()
    second = (await sandbox.post()).json()
    assert first["webhook"] == hook
    assert await sandbox.creations() == [
        _creation("6a0c", 2, first),
        _creation(None, None, second),
    ]


def _creation(generation: str | None, attempt: int | None, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "generation": generation,
        "attempt": attempt,
        "prediction": made["id"],
        "created_at": made["created_at"],
    }
