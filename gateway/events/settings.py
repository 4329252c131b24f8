from pydantic import Field
from pydantic_settings import SettingsConfigDict

from store.settings import EnvironmentSettings


class StreamSettings(EnvironmentSettings):
    """Limits and periods of event streams."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_STREAM_")

    per_holder: int = Field(20, ge=1, description="Open event streams and waits of one account; above: 429")
    per_developer: int = Field(
        1_000, ge=1, description="Open event streams and waits of one developer and all their users; above: 429"
    )
    per_process: int = Field(5_000, ge=1, description="Open event streams and waits of one gateway; above: 503")
    max_life: float = Field(900, gt=0, description="Seconds until an event stream ends with `goodbye`")
    keep_alive: float = Field(15, gt=0, description="Seconds of silence until a comment is sent")
    retry: int = Field(2_000, ge=0, description="Milliseconds until a client reconnects (SSE field `retry`)")
    buffer: int = Field(64 * 1024, ge=1024, description="Bytes a client may leave unread until it is disconnected")
    write_timeout: float = Field(20, gt=0, description="Seconds a client may read nothing until it is disconnected")
    poll: float = Field(1.5, gt=0, description="Seconds between reads of the log without a wake-up")
    recheck: float = Field(10, gt=0, le=12, description="Seconds between revalidations of the access of open streams")
    tail: float = Field(0.25, gt=0, description="Seconds between reads of the sealed order")
