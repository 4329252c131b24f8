"""A rotation of all secrets in a running system: two gateways, worker and scheduler restart one after the other."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import standardwebhooks

from domain.paths import WEBHOOK_KEYS
from tests.systems.sandbox_client import SandboxClient
from tests.systems.secret_sets import SecretSet, environment
from tests.systems.signing import sign_log
from tests.systems.system import System
from tests.systems.tenants import ONE, Tenant, fetch, fresh_key, make_tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import Receiver, open_receiver

OTHER = "second-gateway"


@dataclass(frozen=True)
class Held:
    """What a client holds that a gateway has made: a finished generation and access to it."""

    authorization: str
    key: str
    generation: str
    link: str
    cursor: str
    ticket: str


@dataclass
class Rotation:
    """A client of the system while its secrets change, and what it saw; `former` and `latest` are what it holds."""

    system: System
    tenant: Tenant
    sandbox: SandboxClient
    receiver: Receiver
    old: SecretSet
    new: SecretSet
    webhook_secret: str
    answers: dict[str, list[int | str]] = field(default_factory=dict)
    receipts: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    creations: Counter[str] = field(default_factory=Counter)
    public_keys: list[Sequence[Mapping[str, str]]] = field(default_factory=list)
    callbacks: Counter[tuple[str | None, int]] = field(default_factory=Counter)

    async def live(self) -> None:
        """Rotate: both sets are known, the new one is used, the old one is forgotten."""
        self._start_other(environment(self.old, self.new))
        former = await self._hold()
        await self._step(environment(self.new, self.old), known_operators=(self.old, self.new))
        await self._step(environment(self.new, former=self.old), known_operators=(self.new,))
        await self._see_forgotten(former)
        self.callbacks = await self.sandbox.callbacks()

    async def _step(self, env: dict[str, str], *, known_operators: Sequence[SecretSet]) -> None:
        """Restart one process after the other, with generations under way, and look at every pair of gateways."""
        self.tenant = await self.tenant.logged_in()
        self.public_keys.append(await self._public_keys())
        under_way = await self.tenant.spoiled(self.sandbox, latency_s=1.5)
        await self._roll("worker", env)
        await self._roll("scheduler", env)
        between = await self.tenant.accepted()
        await self.tenant.completed(between)
        await self._roll("gateway", env)
        for maker in self._gateways():
            held = await self._hold(maker)
            for gateway in self._gateways():
                await self._use(held, gateway, known_operators)
        await self.system.terminate(OTHER)
        self._start_other(env)
        await self.tenant.completed(under_way)
        for generation in (under_way, between):
            self.creations[generation] = len(await self.sandbox.creations(generation))

    async def _roll(self, name: str, env: dict[str, str]) -> None:
        await self.system.terminate(name)
        self.system.program(name, name, **env)
        await self.system.restart(name)

    def _start_other(self, env: dict[str, str]) -> None:
        assert self.system.amqp_url is not None
        self.system.start_gateway(OTHER, amqp_url=self.system.amqp_url, **env)

    def _gateways(self) -> tuple[str, ...]:
        return self.system.base_url, self.system.gateway_urls[OTHER]

    async def _hold(self, base_url: str | None = None) -> Held:
        tenant = (await self.tenant.logged_in()).at(base_url or self.tenant.base_url)
        key = fresh_key()
        generation = await tenant.accepted(key=key)
        resource = await tenant.completed(generation)
        page = await tenant.get(f"{ONE}?limit=1")
        url = f"{tenant.base_url}{ONE}/{generation}/events/ticket"
        async with tenant.session.post(url, headers={"Authorization": tenant.headers["Authorization"]}) as made:
            ticket = (await made.json())["ticket"]
        link = resource["urls"]["image"].removeprefix(self.system.base_url)
        return Held(tenant.headers["Authorization"], key, generation, link, page.body["next_cursor"], ticket)

    async def _use(self, held: Held, base_url: str, operators: Sequence[SecretSet]) -> None:
        """Use what a client holds at a gateway; note the answers under the name of the secret."""
        tenant, get = self.tenant.at(base_url), partial(fetch, self.tenant.session, base_url)
        bearer = {"Authorization": held.authorization}
        self._note("jwt", (await get(f"{ONE}/{held.generation}/status", bearer)).status)
        self._note("id", (await get(held.link)).status)
        self._note("id", (await get(f"{ONE}?limit=1&cursor={held.cursor}", bearer)).status)
        self._note("id", (await get(f"{ONE}/{held.generation}/events?ticket={held.ticket}")).status)
        again = await tenant.submit(key=held.key)
        self._note("pepper", again.status)
        self._note("id", "same" if again.body.get("id") == held.generation else "another")
        for one in operators:
            self._note("operator", (await get("/api/v1/controls", {"X-Operator-Key": one.operator})).status)

    async def _see_forgotten(self, held: Held) -> None:
        """Use what was made with the old secrets, which nobody knows any more."""
        get = partial(fetch, self.tenant.session, self.system.base_url)
        old = {"Authorization": held.authorization}
        self._note("forgotten", (await get(f"{ONE}/{held.generation}/status", old)).status)
        self._note("forgotten", (await get(held.link)).status)
        listed = await (await self.tenant.logged_in()).get(f"{ONE}?idempotency_key={held.key}&limit=1")
        self._note("forgotten", len(listed.body["generations"]))
        operator = {"X-Operator-Key": self.old.operator}
        self._note("forgotten", (await get("/api/v1/controls", operator)).status)

    async def receipt(self, name: str, signer: SecretSet) -> None:
        """Sign the log as the scheduler does, make a picture and keep it with its receipt."""
        tenant = await self.tenant.logged_in()
        generation = await tenant.accepted()
        await tenant.completed(generation)
        trusted = [one.checkpoint_key.public for one in (self.old, self.new)]
        await sign_log(self.system, signer.checkpoint_key, trusted)
        picture = await tenant.get(f"{ONE}/{generation}/images/0")
        receipt = await tenant.get(f"{ONE}/{generation}/receipt")
        assert receipt.status == 200, receipt.data
        self.receipts[name] = picture.data, receipt.data.decode()

    async def _public_keys(self) -> Sequence[Mapping[str, str]]:
        answer = await self.tenant.get(f"{WEBHOOK_KEYS}?project_id={self.tenant.project}")
        return tuple(answer.body["keys"])

    def _note(self, secret: str, seen: int | str) -> None:
        self.answers.setdefault(secret, []).append(seen)

    async def delivered(self) -> int:
        """Wait for the webhook of every finished generation; return how many are signed with the first secret."""
        await until(self._all_delivered, "every completion is delivered")
        webhook = standardwebhooks.Webhook(self.webhook_secret)
        return sum(bool(webhook.verify(one.body, dict(one.headers))) for one in self.receiver.requests)

    async def _all_delivered(self) -> bool:
        page = (await (await self.tenant.logged_in()).get(f"{ONE}?limit=100&status=completed")).body["generations"]
        told: set[Any] = {one.message["data"]["id"] for one in self.receiver.requests}
        return {one["id"] for one in page} <= told


async def rotate(system: System, old: SecretSet, new: SecretSet) -> Rotation:
    """Rotate every secret of a running system; return what a client saw."""
    async with aiohttp.ClientSession() as session, open_receiver() as receiver:
        tenant = await make_tenant(system, session, "internal")
        secret = await tenant.register_webhook(receiver.url)
        sandbox = SandboxClient(system.sandbox_url, session)
        rotation = Rotation(system, tenant, sandbox, receiver, old, new, secret)
        await rotation.receipt("before", old)
        await rotation.live()
        await rotation.receipt("after", new)
        rotation.answers["webhooks"] = [await rotation.delivered(), len(receiver.requests)]
        return rotation


def rotated(system: System, old: SecretSet, new: SecretSet) -> Rotation:
    """Rotate outside of a loop."""
    return asyncio.run(rotate(system, old, new))
