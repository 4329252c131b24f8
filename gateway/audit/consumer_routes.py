"""`/api/v1/audit/consumers`: named positions in the log, which the server keeps for a reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.paths import AUDIT_CONSUMER, AUDIT_CONSUMERS
from events.envelope import format_time
from gateway.audit.answers import LogConsumer, LogConsumers
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.audit.requests import AcknowledgeRequest, SeekRequest
from gateway.consumers.requests import consumer_name
from gateway.http.parsing import read_model
from gateway.openapi.operation import delete, get, post, put
from store.audit.audit_log import AuditLog
from store.consumers.consumers import Consumer, Consumers


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerRoutes:
    """Make, move, acknowledge and remove the caller's own consumers."""

    audit_readers: AuditReaders
    audit_log: AuditLog
    consumers: Consumers
    clock: Callable[[], datetime]

    @get(AUDIT_CONSUMERS, "reader", answer=LogConsumers)
    async def list_all(self, request: web.Request) -> web.Response:
        """List your consumers of the log."""
        reader, head = await self.audit_readers.identify(request), await self.audit_log.head()
        found = await self.consumers.of(reader.name)
        body: LogConsumers = {"consumers": [_body(consumer, head) for consumer in found]}
        return _response(body)

    @get(AUDIT_CONSUMER, "reader", answer=LogConsumer)
    async def read(self, request: web.Request) -> web.Response:
        """Read a consumer: its position, and how far it is behind the log."""
        reader, name = await self._named(request)
        return await self._respond(await self.consumers.find(reader.name, name))

    @put(AUDIT_CONSUMER, "reader", body=SeekRequest, answer=LogConsumer, codes=(ErrorCode.CONSUMER_LIMIT,))
    async def seek(self, request: web.Request) -> web.Response:
        """Make a consumer, or move it, to a position or a time."""
        reader, name = await self._named(request)
        position = await self._position(await read_model(request, SeekRequest))
        return await self._respond(await self.consumers.move(reader.name, name, position, self.clock()))

    @post(f"{AUDIT_CONSUMER}/acknowledge", "reader", body=AcknowledgeRequest, answer=LogConsumer)
    async def acknowledge(self, request: web.Request) -> web.Response:
        """Move a consumer forward to what was handled; never back."""
        reader, name = await self._named(request)
        body = await read_model(request, AcknowledgeRequest)
        position = await self._known(body.position)
        return await self._respond(await self.consumers.acknowledge(reader.name, name, position, self.clock()))

    @delete(AUDIT_CONSUMER, "reader", 204)
    async def remove(self, request: web.Request) -> web.Response:
        """Remove a consumer."""
        reader, name = await self._named(request)
        if not await self.consumers.delete(reader.name, name):
            raise ExemplarError(ErrorCode.NOT_FOUND, "There is no such consumer")
        return web.Response(status=204)

    async def _named(self, request: web.Request) -> tuple[AuditReader, str]:
        reader = await self.audit_readers.identify(request)
        return reader, consumer_name(request)

    async def _position(self, body: SeekRequest) -> int:
        """Return the position that is sent, or the one before what was recorded then or later."""
        if (body.position is None) == (body.recorded_from is None):
            raise invalid_field("body", "position", "either this or recorded_from must be sent")
        if body.recorded_from is not None:
            return await self.audit_log.position_at(body.recorded_from, await self.audit_log.head()) - 1
        return await self._known(body.position or 0)

    async def _known(self, position: int) -> int:
        if position > await self.audit_log.head():
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION)
        return position

    async def _respond(self, consumer: Consumer | None) -> web.Response:
        if consumer is None:
            raise ExemplarError(ErrorCode.NOT_FOUND, "There is no such consumer")
        return _response(_body(consumer, await self.audit_log.head()))


def _body(consumer: Consumer, head: int) -> LogConsumer:
    return {
        "name": consumer.name,
        "position": consumer.position,
        "behind": max(0, head - consumer.position),
        "created_at": format_time(consumer.created_at),
        "updated_at": format_time(consumer.updated_at),
    }


def _response(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})
