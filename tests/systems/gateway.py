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
    secrets = {**dict.fromkeys(("jwt_secret", "id_secret", "callback_secret"), SECRET), "stop_timeout": 0.2}
    keys = {"key_peppers": {1: PEPPER}, "operator_keys": [OPERATOR_KEY]}
    replicate = ReplicateSettings(REPLICATE_API_TOKEN="r8_none")
    usual: dict[str, object] = {
        "account_cache": store.account_cache,
        "accounts": store.accounts,
        "authentication_settings": AuthenticationSettings.model_validate(keys),
        "broker_health": lambda: {"status": "healthy"},
        "console_files": console_files(),
        "callback_keys": [SECRET.encode()],
        "erase_projects_after": timedelta(days=30),
        "moderation_settings": ModerationSettings(),
        "gateway_settings": GatewaySettings.model_validate(secrets),
        "holder": "tests",
        "password_settings": PasswordSettings(memory_kib=8, passes=1),
        "price": Price(0.000975),
        "receipt_settings": ReceiptSettings.model_validate(
            {"checkpoint_key": base64.b64encode(bytes(range(32))).decode()}
        ),
        "queue_depths": _no_messages,
        "provider": ReplicateProvider(replicate, clock=clock, pauses=MongoPauses(store.database)),
        "stream_settings": StreamSettings(),
        "tiers": dict(TIERS),
        "timeouts": Timeouts(),
        "witness_settings": WitnessSettings(checkpoint_witnesses=(WITNESS.key,)),
        "token_settings": TokenSettings(jwt_retired_secrets=(SecretStr(RETIRED_SECRET),)),
    }
    return wired(store, clock, **{**usual, **given})
