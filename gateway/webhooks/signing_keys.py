"""`/.well-known/webhook-keys`: the public keys that verify the `v1a` signatures of webhooks."""

import base64
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel

from domain.paths import WEBHOOK_KEYS
from domain.webhooks.signing_keys import SigningKey, SigningKeys
from gateway.http.parsing import read_query
from gateway.http.values import Id
from gateway.openapi.operation import get
from gateway.webhooks.answers import WebhookKey, WebhookKeys

_HEADERS = {"Cache-Control": "public, max-age=300"}


class SignerRequest(BaseModel):
    """Whose webhooks are verified: a project's, or those of one user's requests in it."""

    project_id: Id
    user_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyRoutes:
    """Publish public keys; every id has some, so that the answer tells nothing of what exists."""

    signing_keys: SigningKeys

    @get(WEBHOOK_KEYS, "public", query=SignerRequest, answer=WebhookKeys)
    async def read(self, request: web.Request) -> web.Response:
        """Read the public keys that verify the webhooks of a project, or of one user's requests alone."""
        signer = read_query(request, SignerRequest)
        if signer.user_id is None:
            keys = self.signing_keys.of_project(signer.project_id)
        else:
            keys = self.signing_keys.of_user(signer.project_id, signer.user_id)
        body: WebhookKeys = {"keys": list(map(_body, keys))}
        return web.json_response(body, headers=_HEADERS)


def _body(key: SigningKey) -> WebhookKey:
    """Write a public key as a JWK (RFC 8037), with the text of Standard Webhooks beside it."""
    x = base64.urlsafe_b64encode(key.public).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.id, "x": x, "key": key.text}
