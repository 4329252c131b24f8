"""`/api/v1/audit/keys`: the public keys with which programs and browsers verify checkpoints, proofs and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from domain.audit.checkpoint_key import VerificationKey
from domain.paths import AUDIT_KEYS
from gateway.audit.answers import VerificationKeys
from gateway.audit.holders import admit_holder
from gateway.auth.authentication import Authenticator
from gateway.openapi.operation import get


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKeyRoutes:
    """Name the keys of the log, those that sign now and those that have signed before."""

    authenticator: Authenticator
    log_name: str
    verification_keys: Sequence[VerificationKey]

    @get(AUDIT_KEYS, "holder", answer=VerificationKeys)
    async def read(self, request: web.Request) -> web.Response:
        """Read the public keys of the log; whoever has kept them from before needs not trust this answer."""
        await admit_holder(self.authenticator, request)
        body: VerificationKeys = {"log": self.log_name, "keys": [*map(str, self.verification_keys)]}
        return web.json_response(body, headers={"Cache-Control": "private, max-age=300"})
