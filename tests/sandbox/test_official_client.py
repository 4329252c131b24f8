"""The official client cannot tell the sandbox from Replicate."""

import io
from typing import Any

import pytest
from PIL import Image
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.version import Versions


async def test_a_prediction_is_created_awaited_and_its_picture_downloaded(
    sandbox: Any, version: str, data_uri: str
) -> None:
    made = await sandbox.client.predictions.async_create(
        version=version, input={"seed": 7, "prompt": "neon cat", "image": data_uri}
    )
    assert made.status == "starting"
    assert made.input == {"image": data_uri, "prompt": "neon cat", "seed": 7}
    await made.async_wait()
    assert made.status == "succeeded"
    assert made.output == [f"{sandbox.url}/files/out/{made.id}/out-0.png"]
    assert made.metrics["predict_time"] >= 0.05
    assert made.progress.percentage == 1.0
    download = await sandbox.http.get(made.output[0], headers={"Authorization": ""})
    picture = Image.open(io.BytesIO(download.content))
    assert (picture.format, picture.size, download.headers["content-type"]) == (
        "PNG",
        (160, 120),
        "image/png",
    )


async def test_a_create_that_waits_answers_the_outputs(sandbox: Any, version: str) -> None:
    inputs = {"prompt": "two hills", "num_outputs": 2, "width": 96, "height": 64}
    made = await sandbox.client.predictions.async_create(version=version, input=inputs, wait=5)
    assert made.status == "succeeded"
    assert [url.rsplit("/", 1)[1] for url in made.output] == ["out-0.png", "out-1.png"]
    first, second = [(await sandbox.http.get(url)).content for url in made.output]
    assert Image.open(io.BytesIO(first)).size == (96, 64)
    assert first != second


async def test_a_running_prediction_is_canceled_and_a_finished_one_stays(sandbox: Any, version: str) -> None:
    await sandbox.arm(latency_s=60.0)
    made = await sandbox.client.predictions.async_create(version=version, input={"width": 64, "height": 64})
    assert (await sandbox.client.predictions.async_cancel(made.id)).status == "canceled"
    assert (await sandbox.client.predictions.async_get(made.id)).output is None
    await sandbox.arm()
    done = await sandbox.client.predictions.async_create(version=version, input={"width": 64, "height": 64}, wait=5)
    assert (await sandbox.client.predictions.async_cancel(done.id)).status == "succeeded"


async def test_predictions_are_listed_newest_first_in_pages_of_a_hundred(sandbox: Any, version: str) -> None:
    await sandbox.arm(latency_s=60.0)
    made = [(await sandbox.post(input={"seed": seed})).json()["id"] for seed in range(105)]
    first = await sandbox.client.predictions.async_list()
    assert [p.id for p in first] == made[:4:-1]
    assert first.next.startswith(sandbox.url)
    second = await sandbox.client.predictions.async_list(cursor=first.next)
    assert [p.id for p in second] == made[4::-1]
    assert second.next is None
    back = await sandbox.client.predictions.async_list(cursor=second.previous)
    assert [p.id for p in back] == [p.id for p in first]
    assert back.previous is None


async def test_the_list_is_limited_by_time_and_every_page_keeps_the_limits(sandbox: Any) -> None:
    old = (await sandbox.post()).json()
    recent = [(await sandbox.post()).json() for _ in range(2)]
    query = {"created_after": recent[0]["created_at"]}
    page = (await sandbox.http.get("/v1/predictions", params=query)).json()
    assert {recent[0]["id"], recent[1]["id"]} <= {p["id"] for p in page["results"]}
    page = (await sandbox.http.get("/v1/predictions", params={"created_before": old["created_at"]})).json()
    assert page == {"next": None, "previous": None, "results": []}


async def test_a_picture_given_as_a_file_is_uploaded_and_used(sandbox: Any, version: str, photo: Any) -> None:
    made = await sandbox.client.predictions.async_create(
        version=version, input={"prompt": "ocean", "image": io.BytesIO(photo((80, 72), "PNG"))}, wait=5
    )
    assert made.input["image"].startswith(f"{sandbox.url}/v1/files/")
    assert made.status == "succeeded"
    output = (await sandbox.http.get(made.output[0])).content
    assert Image.open(io.BytesIO(output)).size == (80, 72)


async def test_files_are_uploaded_shown_listed_downloaded_and_deleted(sandbox: Any, photo: Any) -> None:
    files = sandbox.client.files
    data = photo()
    file = await files.async_create(io.BytesIO(data), filename="cat.jpg", metadata={"who": "us"})
    assert (file.name, file.content_type, file.size) == ("cat.jpg", "image/jpeg", len(data))
    assert file.metadata == {"who": "us"}
    assert (await files.async_get(file.id)).checksums == file.checksums
    assert [one.id for one in await files.async_list()] == [file.id]
    assert (await sandbox.http.get(f"/v1/files/{file.id}/download")).content == data
    assert await files.async_delete(file.id)
    with pytest.raises(ReplicateError) as refusal:
        await files.async_get(file.id)
    assert (refusal.value.status, refusal.value.detail) == (404, "File not found")


async def test_the_model_and_its_versions_are_listed(sandbox: Any, version: str) -> None:
    model = await sandbox.client.models.async_get("stability-ai/sdxl")
    assert model.latest_version.id == version
    versions = Versions(sandbox.client, "stability-ai/sdxl")
    known = await versions.async_list()
    assert version in {one.id for one in known}
    schema = (await versions.async_get(version)).openapi_schema["components"]["schemas"]["Input"]
    assert schema["properties"]["num_outputs"]["maximum"] == 4
    with pytest.raises(ReplicateError):
        await sandbox.client.models.async_get("someone/else")


async def test_run_returns_the_files_of_a_prediction(sandbox: Any, version: str) -> None:
    outputs = await sandbox.client.async_run(
        f"stability-ai/sdxl:{version}", input={"prompt": "fire", "width": 64, "height": 64}
    )
    assert len(outputs) == 1


async def test_run_raises_the_error_of_the_model(sandbox: Any, version: str) -> None:
    await sandbox.arm(outcome="nsfw")
    with pytest.raises(ModelError, match="NSFW content detected"):
        await sandbox.client.async_run(f"stability-ai/sdxl:{version}", input={"prompt": "x"})


async def test_a_wrong_token_is_refused(sandbox: Any, version: str) -> None:
    unauthorized = Client(api_token="r8_wrong", base_url=sandbox.url)
    with pytest.raises(ReplicateError) as refusal:
        await unauthorized.predictions.async_create(version=version, input={"width": 64, "height": 64})
    assert (refusal.value.status, refusal.value.title) == (401, "Unauthenticated")
    assert refusal.value.detail == "You did not pass a valid authentication token"
