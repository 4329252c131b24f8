from pydantic import Field

from store.settings import EnvironmentSettings

_NODE = r"amqps?://([^/\s@]*@)?[^/\s,@]+(/[^\s,;]*)?"


class RabbitSettings(EnvironmentSettings):
    """The connection to RabbitMQ and its limits."""

    amqp_url: str = Field(
        default="",
        pattern=rf"^({_NODE}(,{_NODE})*)?$",
        repr=False,
        description="Address of RabbitMQ, amqp://user:password@host:5672/%2F; of several nodes separated by commas; "
        "empty means one process.",
    )
    amqp_prefetch: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Events of one queue that a worker handles at the same time.",
    )
    amqp_heartbeat: int = Field(
        default=10,
        ge=2,
        le=60,
        description="Seconds between heartbeats with RabbitMQ; a silent link is dropped after two.",
    )
    queue_prefix: str = Field(
        default="",
        pattern=r"^([A-Za-z_][A-Za-z0-9._-]*)?$",
        description="Prefix of every queue and exchange, so that systems can share a server.",
    )
