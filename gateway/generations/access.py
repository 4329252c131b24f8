"""Load the generation that a request names, for a caller who may read it."""

from dataclasses import dataclass

from aiohttp import web

from domain.accounts.access import Identity
from domain.accounts.access_keys import Scope
from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation
from gateway.auth.authentication import Authenticator
from store.generations.generations import Generations


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationAccess:
    """Generations as seen by one caller: ids of others are as unknown as those that never existed."""

    authenticator: Authenticator
    generations: Generations

    async def own(self, request: web.Request) -> Generation:
        """Authenticate the caller and load the generation of the path; raises `not_found` or `gone`."""
        identity = await self.authenticator.authenticate_end_user(request)
        return await self.existing(path_generation_id(request), identity)

    async def watched(self, request: web.Request) -> Generation:
        """Load the same for a caller who gets access to its events."""
        identity = await self.authenticator.authenticate_end_user(request, Scope.READ)
        return await self.existing(path_generation_id(request), identity)

    async def existing(
        self,
        generation_id: str,
        owner: Identity | None = None,
        *,
        project: str | None = None,
        developer: str | None = None,
    ) -> Generation:
        """Load a generation that was not deleted, of one owner, project or developer if given.

        Raises `not_found` or `gone`.
        """
        generation = await self.generations.load(generation_id)
        if generation is None or not _is_of(generation, owner, project, developer):
            raise ExemplarError(ErrorCode.NOT_FOUND, "Generation not found")
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
        return generation


def path_generation_id(request: web.Request) -> str:
    """Return the generation id of the request's path in lower case."""
    return request.match_info["generation_id"].lower()


def _is_of(generation: Generation, identity: Identity | None, project: str | None, developer: str | None) -> bool:
    owner = generation.request.owner
    own = identity is None or (owner.project, owner.user) == (identity.project_id, identity.user_id)
    return own and project in (None, owner.project) and developer in (None, owner.developer)
