"""Settings of the gateway."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import NoDecode

from domain.submission.model_inputs import Ceilings
from gateway.http.client_address import ClientAddresses, Network, ProxyHeader
from store.settings import EnvironmentSettings

MIN_SECRET_BYTES = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    """Reject a key shorter than its hash (RFC 7518, section 3.2)."""
    if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes; make one with: openssl rand -base64 48")
    return secret


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(word for word in map(str.strip, value.split(",")) if word)


TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]


class GatewaySettings(EnvironmentSettings):
    """Settings of the gateway: its address, trusted proxies, secrets, time-outs and limits."""

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one")
    public_url: HttpUrl | None = Field(
        None, description="Base of every absolute link and of the provider's callback, as seen from outside"
    )
    cors_origins: TextList = Field(
        (), description="Browser origins that may call the API, separated by commas; * for any; empty: none"
    )
    sign_in_link_file: Path | None = Field(
        None, description="File of the console's sign-in link, which `exemplar up` writes; empty: no link"
    )

    trusted_proxies: Networks = Field(
        (),
        description="Networks (CIDR), separated by commas, of reverse proxies: the client address is read "
        "from their header",
    )
    trusted_proxy_header: ProxyHeader = Field(
        "X-Forwarded-For",
        description="Header of trusted proxies with the client address: X-Forwarded-For or Forwarded",
    )

    jwt_secret: Secret = Field(description="Signs access and refresh tokens (HS256), at least 32 bytes")
    id_secret: Secret = Field(
        description="Derives generation ids from Idempotency-Keys, and signs picture links, tickets and cursors; "
        "at least 32 bytes"
    )
    id_retired_secrets: tuple[Secret, ...] = Field(
        (),
        description="JSON list of former id secrets: generations, links, tickets and cursors that were made with "
        "one are found",
    )

    max_connections: int = Field(10_000, ge=1, description="Open connections of one process; above: 503")
    max_connections_per_address: int = Field(
        1_000, ge=1, description="Of these from one client address that is no trusted proxy; above: 503"
    )
    header_timeout: float = Field(
        15, gt=0, description="Seconds for a request's header to arrive; an idle connection closes after it"
    )
    send_timeout: float = Field(30, gt=0, description="Seconds a client may leave sent bytes unacknowledged")
    body_idle_timeout: float = Field(15, gt=0, description="Seconds without one byte of a body until 408")
    body_timeout: float = Field(300, gt=0, description="Seconds a whole upload may take until 408")
    body_min_rate: int = Field(1024, ge=1, description="Bytes per second an upload must keep up until 408")
    send_min_rate: int = Field(
        4096, ge=1, description="Bytes per second a client must read of its answer until it is disconnected"
    )
    rate_window: float = Field(20, gt=0, description="Seconds over which these two rates are measured")
    lingering_time: float = Field(
        10, gt=0, description="Seconds the rest of a refused body is read and dropped, so the answer is seen"
    )
    stop_timeout: float = Field(
        8, gt=0, le=15, description="Seconds that requests in progress get when the gateway stops"
    )

    upload_budget: int = Field(
        256 * 1024 * 1024, ge=64 * 1024 * 1024, description="Bytes of uploads held at once by one process"
    )
    upload_share: int = Field(
        64 * 1024 * 1024,
        ge=52 * 1024 * 1024,
        description="Bytes of these that one developer may hold; fewer while others hold some",
    )
    upload_user_share: int = Field(
        52 * 1024 * 1024,
        ge=52 * 1024 * 1024,
        description="Bytes of these that one end user may hold; the largest upload has so many",
    )
    upload_wait: float = Field(5, ge=0, description="Seconds an upload waits for free bytes in the budget until 503")
    upload_memory: int = Field(
        256 * 1024, ge=0, description="Bytes of one image kept in memory before it moves to a temporary file"
    )

    download_budget: int = Field(
        64 * 1024 * 1024,
        ge=4 * 1024 * 1024,
        description="Bytes of pictures and long answers held at once by one process",
    )
    download_share: int = Field(
        16 * 1024 * 1024,
        ge=4 * 1024 * 1024,
        description="Bytes of these for one client address; fewer while others hold some",
    )
    download_user_share: int = Field(
        8 * 1024 * 1024,
        ge=4 * 1024 * 1024,
        description="Bytes of these for one account, at any address; fewer while others hold some",
    )
    download_wait: float = Field(5, ge=0, description="Seconds a picture waits for free bytes in the budget until 503")

    max_outputs: int = Field(1, ge=1, le=4, description="Ceiling of num_outputs in instructions")
    max_steps: int = Field(50, ge=1, le=500, description="Ceiling of num_inference_steps in instructions")

    @property
    def id_keys(self) -> tuple[bytes, ...]:
        """The id secrets as keys of an HMAC; the first one signs."""
        return tuple(secret.get_secret_value().encode() for secret in (self.id_secret, *self.id_retired_secrets))

    @property
    def base_url(self) -> str | None:
        """The public URL without a slash at its end."""
        return str(self.public_url).rstrip("/") if self.public_url else None

    @property
    def ceilings(self) -> Ceilings:
        return Ceilings(outputs=self.max_outputs, steps=self.max_steps)

    @property
    def client_addresses(self) -> ClientAddresses:
        return ClientAddresses(self.trusted_proxies, self.trusted_proxy_header)
