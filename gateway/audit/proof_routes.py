"""`/api/v1/audit`: checkpoints of the log, cosignatures, and proofs of events and of growth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from domain.accounts import developer
from domain.audit.checkpoint_key import WitnessKey
from domain.audit.checkpoints import NoteError
from domain.audit.event_filter import EventFilter
from domain.audit.terms import owner_among, term
from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation import generation
from domain.paths import AUDIT_CHECKPOINT, AUDIT_CONSISTENCY, AUDIT_PROOF
from gateway.audit.access_records import AccessRecords
from gateway.audit.contradictions import alarming
from gateway.audit.holders import admit_holder
from gateway.audit.proof_requests import CheckpointRequest, ConsistencyRequest, CosignRequest, ProofRequest
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.auth.authentication import Authenticator
from gateway.http.conditional import UNCHANGED, unchanged
from gateway.http.parsing import read_model, read_query
from gateway.openapi.operation import get, post
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.event_lookup import EventLookup, FoundCommit
from store.audit.proofs import NothingToProveError, prove_consistency, prove_inclusion
from store.audit.witnessing import keep_cosignatures

_TEXT: Final = "text/plain"
_ANSWER: Final = {_TEXT: None}
_VARY: Final = {"Vary": "Authorization, X-Operator-Key", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRoutes:
    """Checkpoints and their consistency are for everybody with an account; proofs for readers of the event."""

    authenticator: Authenticator
    audit_readers: AuditReaders
    access_records: AccessRecords
    checkpoints: Checkpoints
    event_lookup: EventLookup
    witnesses: Sequence[WitnessKey]

    @get(AUDIT_CHECKPOINT, "holder", query=CheckpointRequest, answer=_ANSWER, also=UNCHANGED)
    async def read_checkpoint(self, request: web.Request) -> web.Response:
        """Read a checkpoint of the log with its cosignatures."""
        await admit_holder(self.authenticator, request)
        query = read_query(request, CheckpointRequest)
        with alarming():
            return _respond(request, (await self._checkpoint(query.size, "size")).cosigned_note)

    @post(AUDIT_CHECKPOINT, "operator", body=CosignRequest, answer=_ANSWER)
    async def cosign(self, request: web.Request) -> web.Response:
        """Add the signatures of configured witnesses to a checkpoint."""
        await self.authenticator.authenticate_operator(request)
        body = await read_model(request, CosignRequest)
        try:
            with alarming():
                stored = await keep_cosignatures(body.note, self.witnesses, self.checkpoints)
        except NoteError as error:
            raise invalid_field("body", "note", str(error)) from None
        return web.Response(text=stored.cosigned_note, content_type=_TEXT, headers={"Cache-Control": "no-store"})

    @get(AUDIT_CONSISTENCY, "holder", query=ConsistencyRequest, answer=_ANSWER, also=UNCHANGED)
    async def prove_consistency(self, request: web.Request) -> web.Response:
        """Prove that the log of a checkpoint begins with an earlier one."""
        await admit_holder(self.authenticator, request)
        query = read_query(request, ConsistencyRequest)
        with alarming():
            newer = await self._checkpoint(query.newer, "to")
            if query.older > newer.size:
                raise ExemplarError(ErrorCode.UNKNOWN_POSITION, f"from is behind the checkpoint of {newer.size}")
            proof = await prove_consistency(query.older, newer, self.checkpoints)
        return _respond(request, proof.text())

    @get(AUDIT_PROOF, "reader", query=ProofRequest, answer=_ANSWER, also=UNCHANGED)
    async def prove_event(self, request: web.Request) -> web.Response:
        """Prove that an event is in the log of the latest checkpoint."""
        reader = await self.audit_readers.identify(request)
        query = read_query(request, ProofRequest)
        with alarming():
            found = await self._readable(reader, query)
            await self._record(request, reader, query.stream, found)
            try:
                proof = await prove_inclusion(found.commit, self.checkpoints)
            except NothingToProveError:
                raise ExemplarError(ErrorCode.CONFLICT, "The event is under no checkpoint yet") from None
        return _respond(request, proof.text())

    async def _checkpoint(self, size: int | None, name: str) -> StoredCheckpoint:
        found = await (self.checkpoints.latest() if size is None else self.checkpoints.at(size))
        if found is not None:
            return found
        if size is None:
            raise ExemplarError(ErrorCode.NOT_FOUND, "The log has no checkpoint yet")
        raise ExemplarError(ErrorCode.UNKNOWN_POSITION, f"{name} is not the size of a checkpoint")

    async def _readable(self, reader: AuditReader, query: ProofRequest) -> FoundCommit:
        """Find an event that the reader may read; a foreign one looks like an unknown one."""
        found = await self.event_lookup.find(query.stream, query.version)
        own = reader.developer is None or (found is not None and term("developer", reader.developer) in found.terms)
        if found is None or not own:
            raise ExemplarError(ErrorCode.NOT_FOUND, "There is no such event")
        return found

    async def _record(self, request: web.Request, reader: AuditReader, stream: str, found: FoundCommit) -> None:
        """Record that staff read the body of a commit."""
        named = owner_among(found.terms)
        wanted = EventFilter(correlation_id=stream)
        if stream.startswith(generation.stream_of("")):
            wanted = EventFilter(generation=generation.id_of(stream))
        elif stream.startswith(developer.stream_of("")):
            wanted = EventFilter(developer=named.get("developer"))
        await self.access_records.record(request, reader, "page_walk", wanted, owner=named)


def _respond(request: web.Request, text: str) -> web.Response:
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {**_VARY, "ETag": etag}
    if unchanged(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(text=text, content_type=_TEXT, headers=headers)
