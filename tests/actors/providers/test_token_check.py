"""What the provider says about the token is known at the start, and at once when it changes."""

from aiohttp.test_utils import unused_port
from pydantic import SecretStr
from structlog.testing import capture_logs

from actors.providers.provider import Refused
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.providers.token_check import TokenCheck
from store.leases.pauses import MemoryPauses
from tests.actors.harness import TOKEN, SandboxProvider
from tests.builders.clock import Clock


def provider_at(url: str, clock: Clock, token: str = TOKEN) -> ReplicateProvider:
    settings = ReplicateSettings(replicate_api_token=SecretStr(token), replicate_base_url=url, circuit_seconds=1)
    return ReplicateProvider(settings, clock=clock, monotonic=clock.monotonic)


async def test_the_token_is_judged_before_the_process_is_ready(clock: Clock, provider: SandboxProvider) -> None:
    for token, accepted in ((TOKEN, True), ("r8_revoked", False)):
        pauses = MemoryPauses(clock.monotonic)
        async with provider_at(provider.url, clock, token) as model, TokenCheck(model, pauses):
            assert model.token_accepted is accepted
        told = await pauses.current("replicate token")
        assert (told.reason if told else None) == (None if accepted else "provider_unauthorized")
        assert await pauses.current("replicate") is None, "other processes call with their own tokens"


async def test_a_provider_that_cannot_be_reached_says_nothing(clock: Clock) -> None:
    async with provider_at(f"http://127.0.0.1:{unused_port()}", clock) as model:
        with capture_logs() as logs:
            async with TokenCheck(model, MemoryPauses(clock.monotonic)):
                assert model.token_accepted is None
    assert [line["event"] for line in logs] == ["token_not_checked"]


async def test_a_refusal_of_the_paid_call_shows_at_once_and_is_told_once(
    clock: Clock, provider: SandboxProvider
) -> None:
    async with provider_at(provider.url, clock) as model:
        await model.check_token()
        await provider.arm(create="401", times=2)
        with capture_logs() as logs:
            for _ in range(2):
                assert isinstance(await model.create({"prompt": "a lake"}, webhook=None), Refused)
                clock.forward(seconds=2)
        assert model.token_accepted is False
        assert [line["event"] for line in logs].count("provider_token_refused") == 1
        await model.check_token()
        assert model.token_accepted is True
