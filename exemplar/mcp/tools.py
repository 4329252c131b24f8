"""The tools: what a language model may do for one end user."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from types import new_class
from typing import Annotated, Any, Final, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import Field

from exemplar.mcp.pictures import UnreadablePictureError, read_picture
from exemplar_client import AsyncClient, ClientError, Event, Generation

ClientOf = Callable[[Context[Any, Any]], AbstractAsyncContextManager[AsyncClient]]
"""Opens the client that acts for the caller of a tool."""

_SHOWN: Final = (
    *("id", "status", "state", "instructions", "failure", "retry_of", "created_at", "completed_at", "deadline"),
    *("warnings", "result_image_url"),
)
_INSTRUCTIONS: Final = (
    "Makes pictures by example: call generate with 1 to 5 pictures and a prompt, then wait with the id that it "
    "returns. A generation costs one unit of the user's quota."
)


class Tools:
    """The tools of one server; `local_files`: pictures may be named by paths of this machine."""

    def __init__(self, client_of: ClientOf, *, local_files: bool) -> None:
        self._client_of = client_of
        self._local_files = local_files

    async def generate(
        self,
        ctx: Context[Any, Any],
        prompt: str,
        images: Annotated[list[str], Field(min_length=1, max_length=5)],
        parameters: dict[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Start a picture that follows a prompt and 1 to 5 example pictures, and return its id.

        images: paths of files (only with a local server), data: URIs or base64; JPEG, PNG or WebP.
        parameters: more instructions, such as style, negative_prompt, seed or prompt_strength.
        idempotency_key: repeating a call with the same key makes no second picture.
        """
        async with self._client(ctx) as client:
            pictures = [read_picture(image, local_files=self._local_files) for image in images]
            instructions = {**(parameters or {}), "prompt": prompt}
            accepted = await client.submit(pictures, instructions, idempotency_key=idempotency_key)
            return {"id": accepted.id, "replayed": accepted.replayed, "urls": accepted.urls}

    async def wait(
        self,
        ctx: Context[Any, Any],
        generation_id: str,
        timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 60,
    ) -> list[Any]:
        """Wait for a generation and return its state, with the picture once it is completed.

        When the time is over before it has finished, the state says so; call again to go on waiting.
        """
        async with self._client(ctx) as client:
            try:
                async with asyncio.timeout(timeout_seconds), aclosing(client.events(generation_id)) as events:
                    async for event in events:
                        await _report(ctx, event)
            except TimeoutError:
                pass
            generation = await client.get(generation_id)
            return [shown(generation), *[image async for image in _images(client, generation)]]

    async def status(self, ctx: Context[Any, Any], generation_id: str) -> dict[str, Any]:
        """Read the state of a generation, without waiting and without its picture."""
        async with self._client(ctx) as client:
            return shown(await client.get(generation_id))

    async def explain(self, ctx: Context[Any, Any], generation_id: str) -> dict[str, Any]:
        """Explain why a generation is not finished, or why it failed, with its place in the queue."""
        async with self._client(ctx) as client:
            return await client.explain(generation_id)

    async def cancel(self, ctx: Context[Any, Any], generation_id: str) -> dict[str, Any]:
        """Cancel a generation; one that has finished stays as it is."""
        async with self._client(ctx) as client:
            return shown(await client.cancel(generation_id))

    async def retry(
        self,
        ctx: Context[Any, Any],
        generation_id: str,
        seed: Literal["new", "same"] = "new",
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Make a finished generation once more, with another seed or the same; return the id of the new one.

        idempotency_key: your own key makes a repeated call return the first one's generation.
        """
        async with self._client(ctx) as client:
            accepted = await client.retry(generation_id, seed=seed, idempotency_key=idempotency_key)
            return {"id": accepted.id, "urls": accepted.urls}

    async def list_generations(
        self,
        ctx: Context[Any, Any],
        status: Literal["pending", "processing", "completed", "failed"] | None = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """List generations, newest first; next_cursor leads to those that are older."""
        async with self._client(ctx) as client:
            page = await client.after(cursor, limit=limit, **({"status": status} if status else {}))
            return {"generations": list(map(shown, page["generations"])), "next_cursor": page.get("next_cursor")}

    async def usage(self, ctx: Context[Any, Any], by: Literal["day", "month"] = "day") -> dict[str, Any]:
        """Read what was generated and what it cost, and the limits of the account."""
        async with self._client(ctx) as client:
            return await client.usage(by=by)

    @asynccontextmanager
    async def _client(self, ctx: Context[Any, Any]) -> AsyncIterator[AsyncClient]:
        """Open the client of the caller; what the service refuses is told to the model."""
        try:
            async with self._client_of(ctx) as client:
                yield client
        except (ClientError, UnreadablePictureError) as error:
            raise ToolError(str(error)) from error


def create_server(client_of: ClientOf, *, version: str, local_files: bool) -> MCPServer[Any]:
    """Make a server with all tools."""
    tools = Tools(client_of, local_files=local_files)
    plain: tuple[Callable[..., Any], ...] = (
        *(tools.generate, tools.status, tools.explain),
        *(tools.cancel, tools.retry, tools.usage),
    )
    made = [
        *map(_strict, plain),
        _strict(tools.wait, structured_output=False),
        _strict(tools.list_generations, name="list"),
    ]
    # The tools never change: no stream that waits for changes of their list.
    return MCPServer("exemplar", instructions=_INSTRUCTIONS, version=version, subscriptions=False, tools=made)


def _strict(call: Callable[..., Any], **options: Any) -> Tool:
    """Make a tool that refuses arguments which it does not know: a model may invent one and rely on it."""
    tool = Tool.from_function(call, **options)
    known = tool.fn_metadata.arg_model
    arguments: Any = new_class(known.__name__, (known,), {"extra": "forbid"})
    tool.fn_metadata.arg_model = arguments
    tool.parameters = arguments.model_json_schema(by_alias=True)
    return tool


def shown(generation: Generation) -> dict[str, Any]:
    """Select what a model needs of a resource."""
    return {name: generation[name] for name in _SHOWN if name in generation}


async def _report(ctx: Context[Any, Any], event: Event) -> None:
    if event.type == "generation.progressed":
        await ctx.report_progress(float(event.data["data"]["percent"]), 100)


async def _images(client: AsyncClient, generation: Generation) -> AsyncIterator[Image]:
    if generation["status"] != "completed" or not generation["result"]:
        return
    for number in range(len(generation["result"]["images"])):
        picture = await client.picture(generation["id"], number)
        yield Image(data=picture.content, format=picture.content_type.removeprefix("image/"))
