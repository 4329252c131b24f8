"""`GET .../{id}/receipt`: the signed receipt of a picture, for its owner and for readers of the log."""

import hashlib
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from domain.audit.event_filter import EventFilter
from domain.generation.generation import Generation
from domain.paths import AUDIT_RECEIPT, GENERATION_RECEIPT
from domain.receipts.receipt import Receipt
from gateway.audit.access_records import AccessRecords
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.generations.access import GenerationAccess
from gateway.http.conditional import UNCHANGED, unchanged
from gateway.http.parsing import path_id, read_query
from gateway.http.values import Number
from gateway.openapi.operation import get
from gateway.receipts.receipts import Receipts


class AuditReceiptRequest(BaseModel):
    """Which picture, numbered from 0, and whether its receipt shows personal data."""

    number: Annotated[Number, Field(ge=0, lt=100)] = 0
    personal_data: bool = False


class OwnReceiptRequest(AuditReceiptRequest):
    """The same of one's own picture; its receipt shows personal data unless they are declined."""

    personal_data: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRoutes:
    """Read receipts."""

    generation_access: GenerationAccess
    audit_readers: AuditReaders
    access_records: AccessRecords
    receipts: Receipts

    @get(
        GENERATION_RECEIPT,
        "end_user",
        query=OwnReceiptRequest,
        answer=Receipt,
        headers=("If-None-Match",),
        also=UNCHANGED,
    )
    async def read_own(self, request: web.Request) -> web.Response:
        """Read the signed receipt of a picture of yours."""
        generation = await self.generation_access.own(request)
        query = read_query(request, OwnReceiptRequest)
        receipt = await self.receipts.issue(generation, query.number, personal_data=query.personal_data)
        return _respond(request, receipt, "private, no-cache")

    @get(
        AUDIT_RECEIPT,
        "reader",
        query=AuditReceiptRequest,
        answer=Receipt,
        headers=("If-None-Match",),
        also=UNCHANGED,
    )
    async def read(self, request: web.Request) -> web.Response:
        """Read the signed receipt of a picture of any generation that the reader may read."""
        reader = await self.audit_readers.identify(request)
        name = path_id(request, "generation_id")
        query = read_query(request, AuditReceiptRequest)
        generation = await self.generation_access.existing(name, developer=reader.developer)
        if query.personal_data:
            reader = await self.audit_readers.with_personal_data(reader)
        await self._record(request, reader, generation)
        receipt = await self.receipts.issue(generation, query.number, personal_data=query.personal_data)
        return _respond(request, receipt, "no-store" if query.personal_data else "private, no-cache")

    async def _record(self, request: web.Request, reader: AuditReader, generation: Generation) -> None:
        """Record the access of staff before anything is shown."""
        wanted = EventFilter(generation=generation.id)
        await self.access_records.record(
            request, reader, "page_walk", wanted, owner=generation.request.owner.model_dump()
        )


def _respond(request: web.Request, receipt: Receipt, caching: str) -> web.Response:
    text = receipt.text()
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": caching, "Vary": "Authorization, X-Operator-Key"}
    if unchanged(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(text=text, content_type="application/json", headers=headers)
