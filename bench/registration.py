"""Accounts of a measured gateway."""

import secrets
from typing import Any

import aiohttp


async def register_user(base_url: str, operator_key: str) -> dict[str, Any]:
    """Register a developer of the tier without limits and an end user; return the user's credentials.

    Members: `headers` (all five of a submission), `access_token`, `project_id`, `user_id`.
    """
    async with aiohttp.ClientSession(f"{base_url}/") as session:
        developer = await _register(session, {"X-Operator-Key": operator_key}, tier="internal")
        made = developer["provisioning"]
        keys = {
            "X-Developer-Key": made["developer_key"],
            "X-Project-ID": made["project_id"],
            "X-API-Key": made["api_key"],
        }
        user = await _register(session, keys)
    token = user["access_token"]
    headers = {"Authorization": f"Bearer {token}", "X-User-Role": "end_user", **keys}
    return {
        "headers": headers,
        "access_token": token,
        "project_id": made["project_id"],
        "user_id": user["id"],
    }


async def _register(session: aiohttp.ClientSession, headers: dict[str, str], **more: str) -> dict[str, Any]:
    body = {"email": f"{secrets.token_hex(6)}@bench.example", "password": secrets.token_urlsafe(12), **more}
    async with session.post("api/v1/auth/register", json=body, headers=headers) as response:
        response.raise_for_status()
        return dict(await response.json())
