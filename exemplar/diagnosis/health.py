"""The health that a gateway answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """The body of `/api/v1/health/detailed`; `fault`: why there is none."""

    body: Mapping[str, Any]
    fault: str | None = None

    @property
    def status(self) -> str:
        """What the gateway says of itself; `unreachable` where none answers."""
        return "unreachable" if self.fault else str(self.body.get("status", "unknown"))

    @property
    def provider(self) -> str | None:
        """Whether the gateway calls the provider: `healthy` or `degraded`; None where it does not say."""
        told = self.body.get("provider")
        return told.get("status") if isinstance(told, dict) else None


async def read_health(url: str) -> Health:
    """Ask a gateway once; a body comes with 503 too."""
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http:
            answer = await http.get(f"{url}/api/v1/health/detailed")
        body = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Health({}, str(error) or type(error).__name__)
    except ValueError:
        return Health({}, "it answers no JSON: is this the gateway?")
    return Health(body) if isinstance(body, dict) and "version" in body else Health({}, "it is no exemplar gateway")
