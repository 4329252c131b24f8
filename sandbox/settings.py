from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SandboxSettings(BaseSettings):
    """Say where the sandbox listens and how fast its model seems to be."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_SANDBOX_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    host: str = Field("127.0.0.1", description="Address that the sandbox listens on.")
    port: int = Field(8091, ge=0, le=65535, description="Port that the sandbox listens on.")
    token: str = Field("r8_sandbox", min_length=1, description="API token that the sandbox accepts.")
    public_url: str | None = Field(
        None,
        description="Base of the sandbox's links; without it, the host of the request that created them.",
    )
    boot_seconds: float = Field(0.3, ge=0, description="Seconds that a sandbox prediction stays in 'starting'.")
    predict_seconds: float = Field(1.5, ge=0, description="Seconds from a sandbox prediction's start to its end.")
    keep_seconds: float = Field(
        3600.0, gt=0, description="Seconds after which the sandbox forgets a finished prediction's data."
    )
    keep_mib: int = Field(
        512, ge=1, description="MiB of finished data that the sandbox keeps; beyond it the oldest goes early."
    )
    folder: Path | None = Field(
        None, description="Folder in which the sandbox keeps its predictions; without it, only in memory."
    )
    picture: Literal["made", "ready"] = Field(
        "made",
        description="'made' draws every picture, 'ready' answers one prepared picture (for benchmarks).",
    )
