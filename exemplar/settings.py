"""The settings of every package, printed as `.env.example`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from actors.imaging.decoder import DecoderSettings
from actors.providers.registry import PROVIDERS, ProviderSettings
from actors.settings import ActorSettings, TimeoutSettings
from exemplar.local.options import HomeSettings
from exemplar.mcp.settings import McpSettings
from exemplar.metrics.settings import MetricsSettings
from exemplar.tracing.settings import TracingSettings
from gateway.auth.settings import AuthenticationSettings, PasswordSettings, TokenSettings
from gateway.events.settings import StreamSettings
from gateway.moderation.settings import ModerationSettings
from gateway.receipts.settings import ReceiptSettings
from gateway.settings import GatewaySettings
from rabbitmq.settings import RabbitSettings
from sandbox.settings import SandboxSettings
from store.audit.settings import CheckpointSettings, WitnessSettings
from store.objects.settings import S3Settings
from store.settings import PriceSettings, StoreSettings, TierSettings
from store.webhooks.settings import MasterKeySettings, WebhookSettings

SETTINGS: Mapping[str, type[BaseSettings]] = {
    "The store": StoreSettings,
    "Object storage": S3Settings,
    "RabbitMQ": RabbitSettings,
    "The gateway": GatewaySettings,
    "Event streams": StreamSettings,
    "Tokens": TokenSettings,
    "Keys": AuthenticationSettings,
    "Passwords": PasswordSettings,
    "Tiers": TierSettings,
    "Actors and scheduler": ActorSettings,
    "Timeouts": TimeoutSettings,
    "Checkpoints": CheckpointSettings,
    "Witnesses": WitnessSettings,
    "Receipts": ReceiptSettings,
    "Moderation": ModerationSettings,
    "Webhooks": WebhookSettings,
    "Webhook secrets": MasterKeySettings,
    "Decoding pictures": DecoderSettings,
    "Provider": ProviderSettings,
    **{kind.__name__.removesuffix("Settings"): kind for row in PROVIDERS.values() for kind in row.settings},
    "Price": PriceSettings,
    "Metrics and probes": MetricsSettings,
    "Traces": TracingSettings,
    "exemplar up": HomeSettings,
    "exemplar mcp": McpSettings,
    "The sandbox": SandboxSettings,
}
"""Every class of settings under its title, in the order in which they are printed."""

_SHARED = (
    StoreSettings,
    S3Settings,
    RabbitSettings,
    TierSettings,
    ActorSettings,
    TimeoutSettings,
    WebhookSettings,
    MasterKeySettings,
    ProviderSettings,
    PriceSettings,
    MetricsSettings,
    TracingSettings,
)
_GATEWAY = (
    GatewaySettings,
    StreamSettings,
    TokenSettings,
    AuthenticationSettings,
    PasswordSettings,
    WitnessSettings,
    ReceiptSettings,
    ModerationSettings,
)

PROCESS_SETTINGS: Mapping[str, tuple[type[BaseSettings], ...]] = {
    "gateway": (*_SHARED, *_GATEWAY),
    "worker": (*_SHARED, DecoderSettings),
    "scheduler": (*_SHARED, DecoderSettings, CheckpointSettings),
    "solo": (*_SHARED, DecoderSettings, CheckpointSettings, *_GATEWAY),
}
"""What each process reads from the environment before it opens anything."""

_HEAD = """\
# All settings, read from the environment. `exemplar settings` prints this file.
# `exemplar up` needs none of them: it makes its own secrets. For compose.yaml `sh deploy/secrets.sh .env` writes those
# that must be set; it sets EXEMPLAR_MONGODB_URL, EXEMPLAR_AMQP_URL, and addresses and ports of a process itself.
# A line without # has no default and must be set. A secret: openssl rand -base64 48

# --- compose.yaml ---

# RabbitMQ's user, and the password: A-Z, a-z, 0-9, - and _. Both change together: docs/secrets.md
#RABBITMQ_USER=exemplar
RABBITMQ_PASSWORD=

# MongoDB's user, who may read and write the database exemplar, and the password; as above
#MONGODB_USER=exemplar
MONGODB_PASSWORD=

# Password of MongoDB's user root, which no process of the product gets
MONGODB_ROOT_PASSWORD=

# Ports on this machine: of the gateway, and of the profile `observability`
#GATEWAY_PORT=8000
#PROMETHEUS_PORT=9090
#GRAFANA_PORT=3000

# Extras of pyproject.toml that the image has, separated by blanks: c2pa, mcp, s3, tracing
#IMAGE_EXTRAS=mcp s3

# Processors that one service may use; a machine must have as many
#SERVICE_CPUS=2
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable; `default`: its value in the environment, None when it must be set."""

    name: str
    description: str
    default: str | None


def sections() -> Iterator[tuple[str, tuple[Setting, ...]]]:
    """List every title with its variables; a variable of several classes is listed once."""
    seen: set[str] = set()
    for title, settings in SETTINGS.items():
        found = [_setting(settings, name, field) for name, field in settings.model_fields.items()]
        fresh = tuple(setting for setting in found if setting.name not in seen)
        seen |= {setting.name for setting in fresh}
        yield title, fresh


def env_example() -> str:
    """Write `.env.example`: variables with a default are commented out."""
    parts = [_HEAD]
    for title, settings in sections():
        parts.append(f"\n# --- {title} ---\n")
        parts += [f"\n# {setting.description.rstrip('.')}\n{_line(setting)}\n" for setting in settings]
    return "".join(parts)


def _setting(settings: type[BaseSettings], name: str, field: FieldInfo) -> Setting:
    prefix = settings.model_config.get("env_prefix", "")
    variable = field.alias or f"{prefix}{name}".upper()
    default = None if field.is_required() else _written(field.default)
    return Setting(variable, field.description or "", default)


def _written(value: Any) -> str:
    """Write a default as its value in the environment."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case None | () | {} if not value:
            return ""
        case _:
            return str(value)


def _line(setting: Setting) -> str:
    return f"{setting.name}=" if setting.default is None else f"#{setting.name}={setting.default}"
