"""Lists of generations: the caller's own, and those that are public in the project."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.generation.generation import Generation
from domain.generation.listing import Scope
from domain.paths import GENERATIONS, PUBLIC_GENERATIONS
from gateway.auth.authentication import Authenticator
from gateway.generations.links import Links
from gateway.generations.list_pages import ListPages
from gateway.generations.public_view import public_of
from gateway.generations.resources import GenerationResources
from store.generations.personal_data import PersonalDataStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRoutes:
    """List generations for end users, newest first."""

    authenticator: Authenticator
    list_pages: ListPages
    resources: GenerationResources
    personal_data: PersonalDataStore
    links: Links

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(GENERATIONS, self.list_own), web.get(PUBLIC_GENERATIONS, self.list_public)]

    async def list_own(self, request: web.Request) -> web.Response:
        """Answer the caller's generations."""
        identity = await self.authenticator.authenticate_end_user(request)
        scope = Scope(identity.project_id, identity.user_id)
        return await self.list_pages.answer(request, scope, user=identity.user_id, write=self.resources.write)

    async def list_public(self, request: web.Request) -> web.Response:
        """Answer the project's public generations in their public view."""
        identity = await self.authenticator.authenticate_end_user(request)
        scope = Scope(identity.project_id, public=True)
        return await self.list_pages.answer(request, scope, user=identity.user_id, write=self._public)

    async def _public(self, request: web.Request, generation: Generation) -> dict[str, Any]:
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        return public_of(generation, personal_data, links=self.links, base=self.links.base(request))
