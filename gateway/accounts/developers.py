"""`/api/v1/developers/*`: what operators manage."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from domain.errors import ErrorCode, ExemplarError
from gateway.accounts.auth_routes import require_tier
from gateway.accounts.identity import (
    IdentityRoutes,
    PasswordResetRequest,
    account_body,
    cause_of,
    path_id,
    read_model,
    read_optional_model,
    read_query,
    reset_response,
)
from store.accounts.records import DeveloperRecord


class TierRequest(BaseModel):
    tier: str = Field(max_length=64)


class DevelopersRequest(BaseModel):
    """Which page of all developers, the newest first."""

    page: int = Field(1, ge=1, le=100_000)
    page_size: int = Field(50, ge=1, le=100)


class DeveloperRoutes:
    """Answer operators, who send X-Operator-Key or log in."""

    def __init__(self, door: IdentityRoutes) -> None:
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        base, one = "/api/v1/developers", "/api/v1/developers/{developer_id}"
        return [
            web.get(base, self.list_all),
            web.get(one, self.read),
            web.put(f"{one}/tier", self.change_tier),
            web.put(f"{one}/password", self.reset_password),
        ]

    async def list_all(self, request: web.Request) -> web.Response:
        await self._door.authenticator.operator(request)
        asked = read_query(request, DevelopersRequest)
        developers, total = await self._door.accounts.developers(page=asked.page, page_size=asked.page_size)
        listed = [_body(developer) for developer in developers]
        body = {"developers": listed, "total": total, "page": asked.page, "page_size": asked.page_size}
        return web.json_response(body)

    async def read(self, request: web.Request) -> web.Response:
        await self._door.authenticator.operator(request)
        return web.json_response(_body(await self._developer(request)))

    async def change_tier(self, request: web.Request) -> web.Response:
        """Put a developer under another tier from the next request on."""
        cause = cause_of(request, await self._door.authenticator.operator(request))
        developer = await self._developer(request)
        sent = await read_model(request, TierRequest)
        require_tier(self._door, sent.tier)
        await self._door.changes.change_tier(developer.id, sent.tier, cause=cause)
        return web.json_response(_body(await self._developer(request)))

    async def reset_password(self, request: web.Request) -> web.Response:
        """Set another password, or make one that is shown once; every session of the developer is over."""
        cause = cause_of(request, await self._door.authenticator.operator(request))
        developer = await self._developer(request)
        password_hash, made = await self._door.chosen_password(
            await read_optional_model(request, PasswordResetRequest)
        )
        await self._door.changes.reset_developer_password(developer.id, password_hash, cause=cause)
        return reset_response(made)

    async def _developer(self, request: web.Request) -> DeveloperRecord:
        found = await self._door.accounts.developer(path_id(request, "developer_id"))
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return found


def _body(developer: DeveloperRecord) -> dict[str, Any]:
    return {**account_body(developer), "tier": developer.tier}
