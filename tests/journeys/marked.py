"""Users whose every word and picture is a mark that occurs nowhere else, in a system that can be searched."""

import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
from PIL import Image

from tests.journeys.invariants import history
from tests.systems.needles import new_word
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import ONE, SUBMIT, Tenant, fetch, make_tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import Receiver

TEXTS = ("prompt", "negative", "style", "key", "value", "file", "hook", "idempotency", "answer")


@dataclass
class MarkedGeneration:
    """A generation with the marks in its texts and the bytes of its pictures, by source."""

    id: str
    texts: Mapping[str, str]
    pictures: dict[str, bytes]
    links: Sequence[str] = ()

    @property
    def marks(self) -> dict[str, str | bytes]:
        return {**self.texts, **self.pictures}


@dataclass
class MarkedUser:
    """An end user with marks in name, address, project and endpoint, and their generations."""

    tenant: Tenant
    texts: Mapping[str, str]
    developer_token: str
    endpoint: str
    generations: list[MarkedGeneration] = field(default_factory=list)

    @property
    def marks(self) -> dict[str, str | bytes]:
        """Return the marks of the account and of all generations, by source."""
        of_generations = {
            f"{source} {number}": mark
            for number, one in enumerate(self.generations)
            for source, mark in one.marks.items()
        }
        return {**self.texts, **of_generations}

    @property
    def as_developer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.developer_token}"}


def noise() -> bytes:
    """Make a picture that nobody else has."""
    image = Image.frombytes("RGB", (160, 120), os.urandom(160 * 120 * 3))
    target = io.BytesIO()
    image.save(target, "JPEG", quality=92)
    return target.getvalue()


async def make_user(system: System, session: aiohttp.ClientSession, receiver: Receiver) -> MarkedUser:
    """Make a user, and give their project and endpoint marked names."""
    texts = {source: new_word(source) for source in ("person", "project", "about", "endpoint", "described")}
    tenant = await make_tenant(system, session, "internal", name=texts["person"])
    user = MarkedUser(tenant, texts, await tenant.developer_token(), "")
    path = f"{system.base_url}/api/v1/projects/{tenant.project}"
    named = {"name": texts["project"], "description": texts["about"]}
    async with session.put(path, json=named, headers=user.as_developer) as answer:
        assert answer.status == 200, await answer.text()
    endpoint = {"url": f"{receiver.url}/{texts['endpoint']}", "description": texts["described"]}
    async with session.post(f"{path}/webhooks", json=endpoint, headers=user.as_developer) as answer:
        assert answer.status == 201, await answer.text()
        user.endpoint = (await answer.json())["id"]
    return user


async def submit(user: MarkedUser, receiver: Receiver) -> MarkedGeneration:
    """Submit with a mark in every text that a client can send."""
    texts, picture = {source: new_word(source) for source in TEXTS}, noise()
    hook = f"{receiver.url}/{texts['hook']}/{texts['answer']}"  # the receiver answers with the last part
    instructions = {"prompt": texts["prompt"], "negative_prompt": texts["negative"], "mood": texts["style"]}
    form = aiohttp.FormData()
    form.add_field("example_images", picture, filename=f"{texts['file']}.jpg", content_type="image/jpeg")
    form.add_field("instructions", json.dumps(instructions))
    form.add_field("metadata", json.dumps({texts["key"]: texts["value"]}))
    form.add_field("webhook", hook)
    for chosen in ("start", "completed"):
        form.add_field("webhook_events_filter", chosen)
    headers = {**user.tenant.headers, "Idempotency-Key": texts["idempotency"]}
    async with user.tenant.session.post(user.tenant.base_url + SUBMIT, data=form, headers=headers) as answer:
        assert answer.status == 202, await answer.text()
        made = MarkedGeneration((await answer.json())["id"], texts, {"example": picture})
    user.generations.append(made)
    return made


async def complete(user: MarkedUser, receiver: Receiver, sandbox: SandboxClient) -> MarkedGeneration:
    """Submit, follow the events to the end, and keep the pictures that were made on the way."""
    made = await submit(user, receiver)
    tenant = user.tenant
    resource = await tenant.completed(made.id)
    for query, shown in (("", "prompt"), ("?after=0", None)):
        stream = await tenant.get(f"{ONE}/{made.id}/events{query}", Accept="text/event-stream")
        assert (made.texts[shown] if shown else "generation.completed").encode() in stream.data
    made.links = [resource["urls"]["image"], *resource["example_images"], resource["generated_image_url"]]
    made.pictures["result"] = (await fetch(tenant.session, tenant.base_url, resource["generated_image_url"])).data
    made.pictures["composed"] = await composed(tenant, sandbox, made.id)
    return made


async def composed(tenant: Tenant, sandbox: SandboxClient, generation: str) -> bytes:
    """Return the picture that the model got, as the provider has it."""
    events = [one.event for commit in await history(tenant.system, generation) for one in commit.events]
    [prediction] = {one.prediction for one in events if one.type == "generation.started"}  # type: ignore[attr-defined]
    stored = await sandbox.prediction(prediction, tenant.system.secrets.sandbox_token)
    return base64.b64decode(stored["input"]["image"].partition(",")[2])


async def send_again(user: MarkedUser, made: MarkedGeneration) -> None:
    """Have a delivery to the endpoint sent again, once there is one."""
    base = f"{user.tenant.base_url}/api/v1/projects/{user.tenant.project}/webhooks/{user.endpoint}/deliveries"

    async def deliveries() -> list[dict[str, str]]:
        async with user.tenant.session.get(base, headers=user.as_developer) as answer:
            listed = (await answer.json())["deliveries"]
        return [one for one in listed if one["generation_id"] == made.id and one["state"] == "delivered"]

    delivered = await until(deliveries, "a webhook is delivered")
    path = f"{base}/{delivered[0]['id']}/resend"
    async with user.tenant.session.post(path, headers=user.as_developer) as answer:
        assert answer.status in (200, 202), await answer.text()


async def ask_wrongly(user: MarkedUser, made: MarkedGeneration) -> None:
    """Send the marks in requests that are refused, or that search for them."""
    tenant, word = user.tenant, made.texts["prompt"]
    assert (await tenant.submit(prompt=word, seed=word)).status == 422
    assert (await tenant.submit(word.encode())).status == 422
    await tenant.get(f"{ONE}?metadata.{made.texts['key']}={made.texts['value']}")
    await tenant.get(f"{ONE}?idempotency_key={made.texts['idempotency']}")
    login = {"email": tenant.email, "password": word}
    url = f"{tenant.base_url}/api/v1/auth/login"
    async with tenant.session.post(url, json=login, headers={"X-Project-ID": tenant.project}) as answer:
        assert answer.status == 401
