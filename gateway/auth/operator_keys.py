import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import web

from domain.accounts.headers import MALFORMED
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.headers import read_header
from gateway.auth.login_attempts import LoginAttempts
from gateway.http.client_address import ClientAddresses


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorKeys:
    """Check X-Operator-Key."""

    login_attempts: LoginAttempts
    client_addresses: ClientAddresses
    operator_keys: Sequence[str] = field(default=(), repr=False)

    async def require(self, request: web.Request) -> None:
        """Compare the key with all of them, in constant time; count wrong ones by client address."""
        sent = (read_header(request, "X-Operator-Key") or MALFORMED).encode(errors="surrogateescape")
        matches = [hmac.compare_digest(sent, key.encode()) for key in self.operator_keys if key]
        if not any(matches):
            await self.login_attempts.count_operator_key(self.client_addresses.of(request))
            raise ExemplarError(ErrorCode.FORBIDDEN)
