from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from tests.systems.waiting import until


class SandboxClient:
    """Fault injection and counters of a system's sandbox."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def arm(self, **faults: object) -> None:
        """Set the faults of the next creates; none clears them."""
        await self.arm_each([faults])

    async def arm_each(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Set several faults: each create gets the first whose `prompt` is part of its own."""
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

    async def huge_bytes(self) -> int:
        """Return the most bytes of a huge output that one download has taken."""
        return int((await self._get("/_sandbox/trapped"))["huge_bytes"])

    async def requests(self) -> list[dict[str, Any]]:
        """Return every request to create, oldest first, the refused ones included."""
        return list((await self._get("/_sandbox/requests"))["requests"])

    async def callbacks(self) -> Counter[tuple[str | None, int]]:
        """Count the callbacks that were sent by their fault and the status of the answer."""
        counted = (await self._get("/_sandbox/callbacks"))["callbacks"]
        return Counter({(one["webhook"], one["status"]): one["count"] for one in counted})

    async def callback_secret(self, token: str) -> str:
        """Return the key that signs callbacks."""
        return str((await self._get("/v1/webhooks/default/secret", Authorization=f"Bearer {token}"))["key"])

    async def _is_unarmed(self) -> bool:
        return not await self._get("/_sandbox/faults")

    async def _get(self, path: str, **headers: str) -> Any:
        async with self._session.get(self._url + path, headers=headers) as response:
            return await response.json()
