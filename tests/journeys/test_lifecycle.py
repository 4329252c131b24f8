"""A generation from request to picture, in separate processes on a real RabbitMQ."""

import asyncio
import hashlib
import json
import shutil

from exemplar.local.banner import INSTRUCTIONS
from tests.builders import pictures
from tests.conftest import missing
from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import FILE_NAME, ONE, Answer, Tenant, fetch, types
from tests.systems.waiting import until

SYSTEM = "whole"
PHOTOS = ("coffee.png", "chelsea.png", "rocket.jpg")
ORDER = ("pending", "processing", "completed")


async def curl(tenant: Tenant, *parts: str) -> Answer:
    """Send the documented example request by the real curl."""
    if shutil.which("curl") is None:
        missing("no curl: apt install curl")
    headers = [word for name, value in tenant.headers.items() for word in ("-H", f"{name}: {value}")]
    forms = [word for part in parts for word in ("-F", part)]
    url = f"{tenant.base_url}/api/v1/generation/generate-v2"
    command = ("curl", "-sS", "-i", "--no-progress-meter", "-X", "POST", url, *headers, *forms)
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await running.communicate()
    assert running.returncode == 0
    head, _, data = output.rpartition(b"\r\n\r\n")
    status, *lines = head.rpartition(b"HTTP/1.1 ")[2].decode().split("\r\n")
    return Answer(int(status.split()[0]), dict(line.split(": ", 1) for line in lines), data)


async def test_the_documented_curl_request_with_three_photographs_completes(
    tenant: Tenant, sandbox: SandboxClient
) -> None:
    photos = [f"example_images=@{pictures.SAMPLES / name}" for name in PHOTOS]

    answer = await curl(tenant, *photos, f"instructions={INSTRUCTIONS}")

    assert answer.status == 202
    body = answer.body
    generation, image = body["id"], body["urls"].pop("image")
    own = f"{tenant.base_url}{ONE}/{generation}"
    assert [one["code"] for one in body.pop("warnings")] == ["small_example"] * 3
    assert body.pop("start_by") < body.pop("deadline")
    assert not body.pop("queued")
    assert body == {
        "id": generation,
        "status": "pending",
        "message": "Generation request submitted successfully",
        "urls": {
            "self": own,
            "status": f"{own}/status",
            "events": f"{own}/events",
            "cancel": f"{own}/cancel",
            "retry": f"{own}/retry",
            "explain": f"{own}/explain",
            "receipt": f"{own}/receipt",
            "web": own,
        },
    }
    assert answer.headers["Location"] == f"{own}/status"
    seen = await _statuses(tenant, answer.headers["Location"])
    assert seen == [status for status in ORDER if status in seen], "a status only moves forward"
    assert seen[-1] == "completed"
    await _the_picture_is_kept(tenant, generation)
    assert image == f"{own}/image"
    signed = (await tenant.resource(generation))["urls"]["image"]
    assert signed.startswith(f"{image}?")
    assert (await fetch(tenant.session, "", signed)).status == 200
    assert len(await sandbox.creations(generation)) == 1


async def _statuses(tenant: Tenant, address: str) -> list[str]:
    """Poll without pauses; return the statuses in the order in which they appear."""
    seen: list[str] = []
    async with asyncio.timeout(60):
        while not seen or seen[-1] not in ("completed", "failed"):
            status = (await tenant.get(address)).body["status"]
            if not seen or seen[-1] != status:
                seen.append(status)
    return seen


async def _the_picture_is_kept(tenant: Tenant, generation: str) -> None:
    resource = await tenant.resource(generation)
    image = resource["result"]["images"][0]
    assert resource["generated_image_url"] == resource["result_image_url"] == image["url"]
    assert len(resource["example_images"]) == 3
    picture = await fetch(tenant.session, "", image["url"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, image["content_type"])
    assert hashlib.sha256(picture.data).hexdigest() == image["sha256"]
    assert len(picture.data) == image["size_bytes"]
    assert pictures.opened(picture.data).size == (image["width"], image["height"])
    for address, name in zip(resource["example_images"], PHOTOS, strict=True):
        assert (await fetch(tenant.session, "", address)).data == pictures.photo(name)


async def test_the_events_cover_the_whole_lifecycle(tenant: Tenant, system: System) -> None:
    generation = await tenant.accepted()
    await tenant.completed(generation)

    shown = types(await tenant.events(generation))
    assert [name for name in shown if name != "progressed"] == [
        "requested",
        "validated",
        "started",
        "completed",
    ]
    recorded = [event.type.removeprefix("generation.") for c in await history(system, generation) for event in c.events]
    assert [name for name in recorded if name not in ("progressed", "quota_settled")] == [
        "requested",
        "validated",
        "quota_reserved",
        "invocation_intended",
        "started",
        "prediction_settled",
        "completed",
    ]
    assert FILE_NAME not in json.dumps(await tenant.events(generation))


async def test_one_to_five_pictures_of_any_format_become_one_picture(tenant: Tenant) -> None:
    odd = (
        pictures.cmyk_jpeg("coffee.png"),
        pictures.colour_16_bit_png("chelsea.png"),
        pictures.animated("WEBP"),
        pictures.webp("rocket.jpg", quality=70),
        pictures.rotated_jpeg(6, "coffee.png"),
    )
    counts = (1, 2, 3, 5)

    sent = [
        tenant.accepted(*odd[-count:], field=field)
        for count, field in zip(counts, ("example_images", "files", "files", "example_images"), strict=True)
    ]
    generations = await asyncio.gather(*sent)
    resources = await asyncio.gather(*map(tenant.completed, generations))

    assert [len(resource["example_images"]) for resource in resources] == list(counts)
    for generation, count in zip(generations, counts, strict=True):
        validated = next(e for e in await tenant.events(generation) if e["type"] == "generation.validated")
        assert validated["data"]["composition"] == ("single" if count == 1 else "blend")


async def test_a_truncated_jpeg_that_was_accepted_fails_as_invalid_image_without_cost(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant("free_starter")
    generation = await tenant.accepted(pictures.jpeg(), pictures.truncated(pictures.jpeg("chelsea.png")))

    resource = await tenant.finished(generation)

    assert resource["status"] == "failed"
    assert resource["failure"]["code"] == "invalid_image"
    assert resource["error"] == resource["failure"]["message"]
    assert await sandbox.creations(generation) == []
    async with system.open_store() as store:

        async def settled() -> bool:
            return not (await store.ledger.account(tenant.developer)).slots

        await until(settled, "the only slot is free")
        await tenant.completed(await tenant.accepted())
        account = await store.ledger.account(tenant.developer)
    assert sum(units for _, units in account.used) == 1
