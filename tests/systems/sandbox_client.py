from typing import Any

import aiohttp

from tests.systems.waiting import until


class SandboxClient:
    """Fault injection and counters of a system's sandbox."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def arm(self, **faults: object) -> None:
        """Set the faults of the next creates; none clears them."""
        async with self._session.post(f"{self._url}/_sandbox/faults", json=faults) as response:
            assert response.status == 200, await response.text()

    async def taken(self) -> None:
        """Wait until the armed faults have been used by creates."""
        await until(self._is_unarmed, "the provider is asked for a picture", within=45)

    async def creations(self, generation: str) -> list[dict[str, Any]]:
        """Return what was created, and paid, for a generation."""
        made = (await self._get("/_sandbox/creations"))["creations"]
        return [creation for creation in made if creation["generation"] == generation]

    async def prediction(self, prediction: str, token: str) -> dict[str, Any]:
        """Return a prediction by the provider's own API."""
        return dict(await self._get(f"/v1/predictions/{prediction}", Authorization=f"Bearer {token}"))

    async def trapped(self) -> int:
        """Count the requests that followed a redirect to the forbidden URL."""
        return int((await self._get("/_sandbox/trapped"))["hits"])

    async def _is_unarmed(self) -> bool:
        return not await self._get("/_sandbox/faults")

    async def _get(self, path: str, **headers: str) -> Any:
        async with self._session.get(self._url + path, headers=headers) as response:
            return await response.json()
