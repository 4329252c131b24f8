"""Where the peer finds its servers; every process of it reads the same environment."""

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class PeerSettings:
    """Addresses and secrets."""

    mongodb_url: str
    amqp_url: str
    public_url: str
    jwt_secret: str
    provider_url: str
    provider_token: str
    model_version: str
    webhook_secret: str
    queue: str


@cache
def settings() -> PeerSettings:
    """Read the environment once per process."""
    read = os.environ
    return PeerSettings(
        mongodb_url=read["PEER_MONGODB_URL"],
        amqp_url=read["PEER_AMQP_URL"],
        public_url=read["PEER_PUBLIC_URL"],
        jwt_secret=read["PEER_JWT_SECRET"],
        provider_url=read["REPLICATE_BASE_URL"],
        provider_token=read["REPLICATE_API_TOKEN"],
        model_version=read["REPLICATE_VERSION"],
        queue=read["PEER_QUEUE"],
        webhook_secret=read["PEER_WEBHOOK_SECRET"],
    )
