"""Who a client acts for, and what its requests carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keys:
    """The project and the keys that authorize an end user's requests in it."""

    project_id: str
    developer_key: str = field(repr=False)
    api_key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-User-Role": "end_user",
            "X-Developer-Key": self.developer_key,
            "X-Project-ID": self.project_id,
            "X-API-Key": self.api_key,
        }


@dataclass(frozen=True, slots=True)
class Login:
    """E-mail and password: of an end user with the keys of their project, of a developer or staff without."""

    email: str
    password: str = field(repr=False)
    keys: Keys | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def submission_headers(self) -> Mapping[str, str]:
        """What a submission needs beside the token."""
        return self.keys.headers if self.keys else {}

    @property
    def body(self) -> dict[str, str]:
        return {"email": self.email, "password": self.password}

    @property
    def project_headers(self) -> dict[str, str]:
        """What a login needs."""
        return {"X-Project-ID": self.keys.project_id} if self.keys else {}


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The one secret of an end user: `ek_...`."""

    key: str = field(repr=False)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def submission_headers(self) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """The key of an operator."""

    key: str = field(repr=False)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"X-Operator-Key": self.key}

    @property
    def submission_headers(self) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class GivenHeaders:
    """Headers with which another program was authenticated, for a program that acts in its name."""

    headers: Mapping[str, str] = field(repr=False)

    @property
    def submission_headers(self) -> Mapping[str, str]:
        return {}


Credentials = Login | AccessKey | OperatorKey | GivenHeaders


def credentials_of(given: Credentials | Keys, email: str | None, password: str | None) -> Credentials:
    """Make a login of keys with e-mail and password; other credentials are complete."""
    if not isinstance(given, Keys):
        if email is not None or password is not None:
            raise TypeError("email and password go with Keys")
        return given
    if email is None or password is None:
        raise TypeError("Keys need email and password")
    return Login(email, password, given)


def bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}
