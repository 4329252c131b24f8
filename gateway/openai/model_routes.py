"""`GET /v1/models`: the one model, as clients of OpenAI's API look for it."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.paths import MODELS as MODELS_PATH
from gateway.auth.authentication import Authenticator
from gateway.openai.bodies import Model, Models
from gateway.openai.operations import reads_model

MODELS: Final = ("sdxl",)
_MADE_AT: Final = 1_690_329_600  # SDXL 1.0 was published on 26 July 2023


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoutes:
    """List models and read one."""

    authenticator: Authenticator

    @reads_model(MODELS_PATH, answer=Models)
    async def read_all(self, request: web.Request) -> web.Response:
        """List the models, as OpenAI's API does."""
        await self.authenticator.authenticate_end_user(request)
        body: Models = {"object": "list", "data": [_model(name) for name in MODELS]}
        return web.json_response(body)

    @reads_model(f"{MODELS_PATH}/{{model}}", answer=Model)
    async def read(self, request: web.Request) -> web.Response:
        """Read a model, as OpenAI's API does."""
        await self.authenticator.authenticate_end_user(request)
        name = request.match_info["model"]
        if name not in MODELS:
            raise ExemplarError(ErrorCode.NOT_FOUND, f"The model does not exist; known: {', '.join(MODELS)}")
        return web.json_response(_model(name))


def _model(name: str) -> Model:
    return {"id": name, "object": "model", "created": _MADE_AT, "owned_by": "stability-ai"}
