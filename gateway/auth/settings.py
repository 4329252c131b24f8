"""Settings of tokens, keys and passwords."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from domain.accounts.keys import Peppers
from domain.accounts.passwords import Passwords
from store.settings import EnvironmentSettings


class TokenSettings(EnvironmentSettings):
    """Life of tokens, and former secrets that they may be signed with."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    jwt_retired_secrets: tuple[SecretStr, ...] = Field(
        (),
        description="JSON list of former JWT secrets; tokens signed with them are accepted until they expire",
    )
    access_minutes: int = Field(30, ge=1, description="Minutes until an access token expires")
    refresh_days: int = Field(7, ge=1, description="Days until a refresh token expires")


class AuthenticationSettings(EnvironmentSettings):
    """Secrets that keys are checked with."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    key_peppers: dict[int, SecretStr] = Field(
        description='JSON of secrets that keys are hashed with, by version: {"1": "32 bytes or more"}; '
        "to rotate add a higher version and keep the old ones"
    )
    key_pepper_current: int | None = Field(
        None,
        description="Version that hashes keys; empty: the highest. Set it while processes that do not know "
        "a new version yet still run",
    )
    operator_keys: tuple[Annotated[SecretStr, Field(min_length=32)], ...] = Field(
        (),
        description="JSON list of keys a platform operator may send as X-Operator-Key, each at least 32 characters; "
        "empty: no operator",
    )

    @property
    def peppers(self) -> Peppers:
        secrets = {version: pepper.get_secret_value() for version, pepper in self.key_peppers.items()}
        return Peppers(secrets, self.key_pepper_current)


class PasswordSettings(EnvironmentSettings):
    """Cost of a password hash."""

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_PASSWORD_")

    memory_kib: int = Field(65_536, ge=8, description="Memory of one password hash (argon2id), KiB")
    passes: int = Field(2, ge=1, description="Iterations over that memory")
    lanes: int = Field(1, ge=1, description="Threads of one password hash")
    at_once: int = Field(2, ge=1, description="Password hashes computed at the same time, per process")
    queue: int = Field(64, ge=0, description="Passwords that wait to be hashed, per process; above: 503")
    queue_timeout: float = Field(5, gt=0, description="Seconds a password waits to be hashed until 503")

    @property
    def passwords(self) -> Passwords:
        return Passwords(**self.model_dump())
