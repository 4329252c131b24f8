import os
import secrets
from base64 import b64encode
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exemplar.environment import ConfigurationError


def _fresh() -> str:
    return secrets.token_urlsafe(32)


def _seed() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def _password() -> str:
    return secrets.token_urlsafe(12)


class Secrets(BaseModel):
    """The secrets of a home: at least 32 random bytes each, the passwords shorter.

    Demonstration keys are derived from `demo_seed` (HMAC over their name), so that they survive a restart
    although the store keeps only their hashes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    jwt_secret: str = Field(default_factory=_fresh, min_length=32, repr=False)
    key_pepper: str = Field(default_factory=_fresh, min_length=32, repr=False)
    id_secret: str = Field(default_factory=_fresh, min_length=32, repr=False)
    callback_secret: str = Field(default_factory=_fresh, min_length=32, repr=False)
    webhook_master_key: str = Field(default_factory=_fresh, min_length=32, repr=False)
    checkpoint_key: str = Field(default_factory=_seed, min_length=44, repr=False)
    operator_key: str = Field(default_factory=lambda: "op_" + _fresh(), min_length=32, repr=False)
    sandbox_token: str = Field(default_factory=lambda: "r8_" + _fresh(), min_length=32, repr=False)
    broker_password: str = Field(default_factory=_fresh, min_length=32, repr=False)
    demo_seed: str = Field(default_factory=_fresh, min_length=32, repr=False)
    demo_password: str = Field(default_factory=_password, repr=False)
    demo_developer_password: str = Field(default_factory=_password, repr=False)
    free_password: str = Field(default_factory=_password, repr=False)
    free_developer_password: str = Field(default_factory=_password, repr=False)


def open_secrets(file: Path) -> Secrets:
    """Read the secrets of a home and create missing ones; the file is readable by its owner only."""
    try:
        kept = Secrets.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        kept = Secrets()
    except ValidationError:
        raise ConfigurationError(
            f"{file} is damaged: restore it, or remove the folder {file.parent} to start with new data"
        ) from None
    write_private(file, kept.model_dump_json(indent=2))
    return kept


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, atomically."""
    draft = file.with_name(file.name + ".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
