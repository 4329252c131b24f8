"""A gateway in this process, wired as the product's, on a store that a test has opened."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from pydantic import SecretStr

from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from domain.accounts.tiers import TIERS
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from events.envelope import Cause
from exemplar.injection import Dependencies
from gateway.auth.settings import AuthenticationSettings, PasswordSettings, TokenSettings
from gateway.console.files import read_files
from gateway.events.settings import StreamSettings
from gateway.moderation.settings import ModerationSettings
from gateway.receipts.settings import ReceiptSettings
from gateway.settings import GatewaySettings
from store.audit.settings import WitnessSettings
from store.leases.pauses import MongoPauses
from tests.builders.witness import WITNESS
from tests.stores import OpenStore
from tests.wiring import wired

SECRET = "the secret that signs tokens in these tests"
RETIRED_SECRET = "the retired secret that signed tokens before"
PEPPER = "p" * 32
OPERATOR_KEY = "the operator key of all these tests"
PASSWORD = "correct horse battery"
CAUSE = Cause(actor="operator")
console_files = cache(read_files)  # compressing them takes as long as a dozen requests


async def _no_messages() -> dict[str, int]:
    return {}


def gateway_dependencies(store: OpenStore, clock: Callable[[], datetime], **given: object) -> Dependencies:
    """Wire a gateway without a broker and without calls to a provider; what is `given` replaces its parts."""
    usual: dict[str, object] = {
        "account_cache": store.account_cache,
        "accounts": store.accounts,
        "broker_health": lambda: {"status": "healthy"},
        "console_files": console_files(),
        "callback_keys": [SECRET.encode()],
        "erase_projects_after": timedelta(days=30),
        "holder": "tests",
        "price": Price(0.000975),
        "queue_depths": _no_messages,
        "provider": ReplicateProvider(_replicate(), clock=clock, pauses=MongoPauses(store.database)),
        "tiers": dict(TIERS),
        "timeouts": Timeouts(),
    }
    return wired(store, clock, **{**_settings(), **usual, **given})


@cache
def _settings() -> dict[str, object]:
    """Read the settings once for all gateways: they are frozen, and to read them takes as long as a test."""
    secrets = {**dict.fromkeys(("jwt_secret", "id_secret", "callback_secret"), SECRET), "stop_timeout": 0.2}
    keys = {"key_peppers": {1: PEPPER}, "operator_keys": [OPERATOR_KEY]}
    signer = {"checkpoint_key": base64.b64encode(bytes(range(32))).decode()}
    return {
        "authentication_settings": AuthenticationSettings.model_validate(keys),
        "moderation_settings": ModerationSettings(),
        "gateway_settings": GatewaySettings.model_validate(secrets),
        "password_settings": PasswordSettings(memory_kib=8, passes=1),
        "receipt_settings": ReceiptSettings.model_validate(signer),
        "stream_settings": StreamSettings(),
        "witness_settings": WitnessSettings(checkpoint_witnesses=(WITNESS.key,)),
        "token_settings": TokenSettings(jwt_retired_secrets=(SecretStr(RETIRED_SECRET),)),
    }


@cache
def _replicate() -> ReplicateSettings:
    return ReplicateSettings(REPLICATE_API_TOKEN="r8_none")
