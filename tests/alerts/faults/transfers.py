"""Uploads that hold all bytes of a gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.alerts.stage import Stage
from tests.systems.tenants import SUBMIT, Tenant, make_tenant

MIB = 1024 * 1024
_PICTURE = 10 * MIB - 300 * 1024  # six of them leave 6 of the 64 MiB


@asynccontextmanager
async def hold_uploads(stage: Stage) -> AsyncIterator[None]:
    """Three developers send nearly all of their uploads, and then a few bytes a second."""
    await stage.restart("gateway", EXEMPLAR_UPLOAD_BUDGET=str(64 * MIB))
    tenants = [await make_tenant(stage.system, stage.session, "internal") for _ in range(3)]
    uploads = [asyncio.create_task(_upload(stage.session, tenant)) for tenant in tenants]
    yield
    for upload in uploads:
        upload.cancel()
    await asyncio.wait(uploads)
    await stage.restart("gateway")


async def _upload(session: aiohttp.ClientSession, tenant: Tenant) -> None:
    headers = {**tenant.headers, "Content-Type": "multipart/form-data; boundary=limit"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.post(tenant.base_url + SUBMIT, data=_body(), headers=headers, timeout=timeout) as answer:
        await answer.read()


async def _body() -> AsyncIterator[bytes]:
    instructions = json.dumps({"prompt": "a lighthouse"})
    yield f'--limit\r\nContent-Disposition: form-data; name="instructions"\r\n\r\n{instructions}\r\n'.encode()
    head = 'Content-Disposition: form-data; name="example_images"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    for _ in range(2):
        yield f"--limit\r\n{head}".encode() + bytes(_PICTURE) + b"\r\n"
    yield f"--limit\r\n{head}".encode()
    while True:
        yield bytes(2048)
        await asyncio.sleep(0.5)
