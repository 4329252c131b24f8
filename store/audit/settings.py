from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from domain.audit.checkpoint_key import SigningKey, VerificationKey, WitnessKey
from store.settings import EnvironmentSettings


class CheckpointSettings(EnvironmentSettings):
    """The keys that sign and verify checkpoints of the sealed order."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    checkpoint_key: SecretStr | None = Field(
        None, description="Signs checkpoints of the log: openssl rand -base64 32; empty: none are made"
    )
    checkpoint_origin: str = Field(
        "exemplar",
        description="Name of this log in its checkpoints, without blanks; preferably a host name of yours",
    )

    checkpoint_retired_keys: tuple[str, ...] = Field(
        (), description="JSON list of verification keys that signed earlier checkpoints of this log"
    )

    @field_validator("checkpoint_key")
    @classmethod
    def _a_seed(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            SigningKey.from_base64("name", key.get_secret_value())
        return key

    @field_validator("checkpoint_origin")
    @classmethod
    def _a_name(cls, name: str) -> str:
        return SigningKey(name, bytes(32)).name

    @field_validator("checkpoint_retired_keys")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            VerificationKey.parse(key)
        return keys

    @property
    def signer(self) -> SigningKey | None:
        """The key to sign with; None when there is none."""
        if self.checkpoint_key is None:
            return None
        return SigningKey.from_base64(self.checkpoint_origin, self.checkpoint_key.get_secret_value())

    @property
    def trusted(self) -> tuple[VerificationKey, ...]:
        """The keys of the signer and of earlier signers of this log."""
        own = () if self.signer is None else (self.signer.public,)
        return (*own, *(VerificationKey.parse(key) for key in self.checkpoint_retired_keys))


class WitnessSettings(EnvironmentSettings):
    """The witnesses whose cosignatures of checkpoints are kept."""

    checkpoint_witnesses: tuple[str, ...] = Field(
        (), description="JSON list of verification keys of witnesses, who may cosign checkpoints (Ed25519, type 4)"
    )

    @field_validator("checkpoint_witnesses")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            WitnessKey.parse(key)
        return keys

    @property
    def witnesses(self) -> tuple[WitnessKey, ...]:
        return tuple(WitnessKey.parse(key) for key in self.checkpoint_witnesses)
