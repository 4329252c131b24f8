"""Saved credentials: named profiles in a file that only its owner may read."""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import typer
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from exemplar.environment import ConfigurationError
from exemplar.local.secrets_file import write_private
from exemplar_client import AccessKey, Credentials, Keys, Login

DEFAULT: Final = "default"
_SECRET_BYTES: Final = 24


class FiveHeaders(BaseModel):
    """The values behind the five headers of an end user: a login, and the keys of a project."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    email: str
    password: str = Field(repr=False)
    project_id: str
    developer_key: str = Field(repr=False)
    api_key: str = Field(repr=False)


class Profile(BaseModel):
    """An address with the credentials of one end user there: an access key, or the five headers."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    url: str
    access_key: str | None = Field(None, repr=False)
    five_headers: FiveHeaders | None = None

    @property
    def credentials(self) -> Credentials:
        """The credentials as the client takes them."""
        if self.access_key is not None:
            return AccessKey(self.access_key)
        if self.five_headers is None:
            raise ConfigurationError("the profile has no credentials: `exemplar login` saves some")
        given = self.five_headers
        return Login(given.email, given.password, Keys(given.project_id, given.developer_key, given.api_key))


_FILE: Final = TypeAdapter(dict[str, Profile])


def profiles_file() -> Path:
    """Return the file of the profiles, in the folder of this user's settings."""
    return _folder() / "profiles.json"


def read_profiles() -> Mapping[str, Profile]:
    """Read all profiles by name; ConfigurationError for a damaged file."""
    file = profiles_file()
    try:
        return _FILE.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError:
        raise ConfigurationError(f"{file} is damaged: remove it, then `exemplar login`") from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None


def save_profile(name: str, profile: Profile) -> None:
    """Add or replace a profile."""
    _write({**read_profiles(), name: profile})


def forget_profile(name: str) -> None:
    """Remove a profile; ConfigurationError when there is none of this name."""
    profiles = dict(read_profiles())
    if profiles.pop(name, None) is None:
        raise ConfigurationError(unknown(name))
    _write(profiles)


def unknown(name: str) -> str:
    """Say that a profile does not exist, and which do."""
    known = ", ".join(read_profiles()) or "none"
    return f"there is no profile {name} (saved: {known}): `exemplar login --profile {name}` saves it"


def local_secret() -> str:
    """Return the secret of this user that signs webhooks to their own machine; made once."""
    file = _folder() / "webhook-secret"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        secret = f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"
        _make_folder()
        write_private(file, secret + "\n")
        return secret


def _write(profiles: Mapping[str, Profile]) -> None:
    _make_folder()
    write_private(profiles_file(), _FILE.dump_json(dict(profiles), indent=2, exclude_none=True).decode() + "\n")


def _folder() -> Path:
    return Path(typer.get_app_dir("exemplar"))


def _make_folder() -> None:
    try:
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{_folder()} cannot be made: {error.strerror}") from None
