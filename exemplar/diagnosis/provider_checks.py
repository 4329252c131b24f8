"""Checks of the provider: its token, its clock, and the address at which it calls back."""

import os
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from actors.providers.settings import ReplicateSettings
from exemplar.diagnosis.deployment import Deployment
from exemplar.diagnosis.finding import Finding, fault, ok, warning
from exemplar.diagnosis.health import Health, read_health
from exemplar.diagnosis.server_checks import judge_clock
from exemplar.environment import ConfigurationError, read

_TOKENS: Final = "https://replicate.com/account/api-tokens"
_TIMEOUT_S: Final = 10.0


async def provider_findings(deployment: Deployment, *, clock: Callable[[], datetime]) -> AsyncIterator[Finding]:
    """Check the account of the provider, where there is one."""
    if not os.environ.get("REPLICATE_API_TOKEN"):
        yield no_token(deployment)
        return
    if deployment.sandbox:
        yield warning("provider", "what runs uses the sandbox, not REPLICATE_API_TOKEN", "Ctrl-C it, then make run")
    try:
        settings = read(ReplicateSettings)
        answer = await _asked(settings)
    except ConfigurationError as error:
        yield fault("provider", str(error), "correct it; `exemplar settings` says what it means")
    except httpx.HTTPError as error:
        yield fault("provider", *_silent(settings, error))
    else:
        yield judge_token(answer.status_code)
        if "Date" in answer.headers:
            yield judge_clock("the provider", parsedate_to_datetime(answer.headers["Date"]), clock())
    async for finding in _callback():
        yield finding


async def token_finding(settings: ReplicateSettings) -> Finding:
    """Ask about the token alone: one that is refused is a fault, a provider that does not answer may be back soon."""
    try:
        return judge_token((await _asked(settings)).status_code)
    except httpx.HTTPError as error:
        return warning("provider", *_silent(settings, error))


def no_token(deployment: Deployment) -> Finding:
    """Judge a shell without a token of the provider, which what runs may have."""
    if deployment.kind == "services":
        told = "REPLICATE_API_TOKEN is not set in this shell, so it is not tried"
        return fault("provider", told, f"set that of the services, or make one at {_TOKENS}")
    if deployment.kind == "running" and not deployment.sandbox:
        told = "what runs uses Replicate, whose token this shell has not, so it is not tried"
        return warning("provider", told, "REPLICATE_API_TOKEN=r8_... exemplar doctor")
    told = "the sandbox, which is free" if deployment.sandbox else "no token in this shell: a start uses the sandbox"
    return ok("provider", f"{told}; for SDXL: REPLICATE_API_TOKEN=r8_... make run ({_TOKENS})")


def judge_token(status: int) -> Finding:
    """Judge the answer to the question whose account it is."""
    if status in (401, 403):
        return fault("provider", f"Replicate refuses the token ({status})", f"make another at {_TOKENS}")
    if status == 402:
        return fault("provider", "the account at Replicate cannot pay", "https://replicate.com/account/billing")
    if status != 200:
        return warning("provider", f"Replicate answers {status}", "try again; https://www.replicatestatus.com")
    return ok("provider", "Replicate accepts the token")


def judge_public_url(url: str | None, health: Health | None) -> Finding:
    """Judge the address at which the provider calls back."""
    if url is None or health is None:
        told = "EXEMPLAR_PUBLIC_URL is not set: the provider cannot call back, results are polled"
        return warning("public URL", told, "set it to an https address of the gateway that Replicate can reach")
    if urlsplit(url).scheme != "https":
        return fault("public URL", f"{url} is no https address, which Replicate demands", "use an https address")
    if health.fault:
        return fault("public URL", f"{url}: {health.fault}", "check its DNS, its certificate and the proxy behind it")
    return ok("public URL", f"{url} answers")


def _silent(settings: ReplicateSettings, error: httpx.HTTPError) -> tuple[str, str]:
    """Say that the provider does not answer, and what to do."""
    told = f"{settings.replicate_base_url} does not answer: {error or type(error).__name__}"
    return told, "check this machine's way to the internet"


async def _asked(settings: ReplicateSettings) -> httpx.Response:
    headers = {"Authorization": f"Bearer {settings.replicate_api_token.get_secret_value()}"}
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, headers=headers) as http:
        return await http.get(f"{settings.replicate_base_url.rstrip('/')}/v1/account")


async def _callback() -> AsyncIterator[Finding]:
    url = os.environ.get("EXEMPLAR_PUBLIC_URL", "").rstrip("/") or None
    yield judge_public_url(url, None if url is None else await read_health(url))
