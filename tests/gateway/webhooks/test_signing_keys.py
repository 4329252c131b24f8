"""Public keys at their well-known address verify what the senders sign, by foreign code."""

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from domain.webhooks.master_keys import MasterKeys
from exemplar_client import WebhookVerificationError, verify_webhook
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, settled, started
from tests.gateway.webhooks.api import Api, open_api
from tests.systems.webhook_receiver import Received, Receiver
from tests.systems.webhook_system import WebhookSystem
from tests.wiring import MASTER_KEY

KEYS = "/.well-known/webhook-keys"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
USER = "usr-1"
SECOND = "the second master key of these tests"
TO_COMPLETED = (VALIDATED, RESERVED, intended(), started(), settled(), COMPLETED)


@pytest.fixture
async def api(system: WebhookSystem) -> AsyncIterator[Api]:
    async with open_api(system) as api:
        yield api


async def published(api: Api, **signer: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in signer.items())
    response = await api.raw("GET", f"{KEYS}?{query}", None, {})
    assert response.status == 200, response.body
    return list(response.body["keys"])


def signatures_of(received: Received) -> Iterator[bytes]:
    for signature in received.headers["webhook-signature"].split(" "):
        version, _, text = signature.partition(",")
        if version == "v1a":
            yield base64.b64decode(text)


def verifies(jwk: dict[str, Any], received: Received) -> bool:
    """Check a message with a key as a JWK, by the specification alone."""
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{jwk['x']}=="))
    head = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}."
    for signature in signatures_of(received):
        try:
            key.verify(signature, head.encode() + received.body)
        except InvalidSignature:
            continue
        return True
    return False


async def delivered(api: Api, system: WebhookSystem, receiver: Receiver, **more: Any) -> Received:
    await system.schedule(await system.request(*TO_COMPLETED, project=api.tenant.project_id, **more))
    await system.deliver_due()
    return receiver.requests[-1]


async def test_a_message_verifies_with_the_published_key_and_with_the_secret(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url, event_types=["generation.completed"])
    received = await delivered(api, system, receiver)
    [jwk] = await published(api, project_id=api.tenant.project_id)
    assert verifies(jwk, received)
    assert not verifies((await published(api, project_id=UNKNOWN))[0], received), "another project's key is another"
    for secret in (made["secret"], jwk["key"]):
        assert verify_webhook(secret, received.headers, received.body)["type"] == "generation.completed"
    Webhook(made["secret"]).verify(received.body, dict(received.headers))
    with pytest.raises(WebhookVerificationError):
        verify_webhook(jwk["key"], received.headers, received.body + b" ")


async def test_the_webhook_of_a_request_verifies_with_the_key_of_its_user(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    received = await delivered(api, system, receiver, webhook=receiver.url)
    project = api.tenant.project_id
    for signer in ({"project_id": project}, {"project_id": project, "user_id": UNKNOWN}):
        [jwk] = await published(api, **signer)
        assert verifies(jwk, received) is ("user_id" not in signer), signer
    [key] = system.signing_keys.of_user(project, USER)
    assert verify_webhook(key.text, received.headers, received.body)["data"]["user_id"] == USER


async def test_during_a_change_of_the_master_key_the_old_and_the_new_key_verify(
    system: WebhookSystem, receiver: Receiver
) -> None:
    async with open_api(system) as api:
        [before] = await published(api, project_id=api.tenant.project_id)
        system.master_keys = MasterKeys({1: MASTER_KEY, 2: SECOND})
        await api.create_endpoint(receiver.url, event_types=["generation.completed"])
        received = await delivered(api, system, receiver)
    keys = system.signing_keys.of_project(api.tenant.project_id)
    assert [key.id for key in keys] == ["2", "1"]
    assert keys[1].text == before["key"]
    for key in keys:
        assert verify_webhook(key.text, received.headers, received.body)


@pytest.mark.parametrize("query", ["", "?project_id=x", f"?project_id={UNKNOWN}&user_id=x"])
async def test_keys_of_no_signer_are_refused(api: Api, query: str) -> None:
    assert (await api.raw("GET", f"{KEYS}{query}", None, {})).status == 422
