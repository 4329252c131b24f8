"""What all routes of accounts share: dependencies, bodies read and written, keys minted."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from domain.accounts.access import Role
from domain.accounts.credentials import (
    API_KEY_PREFIX,
    DEVELOPER_KEY_PREFIX,
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    Passwords,
    Peppers,
    Randomness,
    check_password,
    display_prefix,
    mint,
    normal_email,
)
from domain.accounts.names import NAME_LONGEST, check_name
from domain.accounts.tiers import TIERS, Tier
from domain.errors import ErrorCode, ExemplarError, FieldError, FieldsError
from events.envelope import Cause, format_time
from gateway.auth.authentication import Authenticator
from gateway.auth.headers import as_id
from gateway.auth.login_attempts import Attempts
from gateway.auth.tokens import Sessions
from gateway.http.bodies import read_json_object
from gateway.http.client_address import ClientAddresses
from gateway.http.request_ids import request_id_of
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.platform import PlatformChanges
from store.accounts.records import DeveloperRecord, KeyRecord, StaffRecord, UserRecord

Model = TypeVar("Model", bound=BaseModel)
Email = Annotated[str, Field(max_length=320), AfterValidator(normal_email)]
Password = Annotated[
    str, Field(min_length=PASSWORD_SHORTEST, max_length=PASSWORD_LONGEST), AfterValidator(check_password)
]
Name = Annotated[str, Field(max_length=NAME_LONGEST), AfterValidator(check_name)]


class KeyCreateRequest(BaseModel):
    name: Name | None = None


class PasswordResetRequest(BaseModel):
    """Another password for somebody; without one it is made here and shown once.

    Any other name is refused: who mistypes `password` wants no random one.
    """

    model_config = ConfigDict(extra="forbid")

    password: Password | None = None


@dataclass(frozen=True, slots=True)
class IdentityRoutes:
    """What the routes of accounts need; `randomness(n)` gives n bytes for a new key."""

    accounts: Accounts
    changes: AccountChanges
    platform: PlatformChanges
    authenticator: Authenticator
    sessions: Sessions
    passwords: Passwords
    peppers: Peppers
    clock: Callable[[], datetime]
    tiers: Mapping[str, Tier] = field(default_factory=lambda: TIERS)
    randomness: Randomness = secrets.token_bytes
    client_addresses: ClientAddresses = field(default_factory=ClientAddresses)

    @property
    def attempts(self) -> Attempts:
        """What counts guesses at passwords."""
        return Attempts(self.accounts.sessions, self.peppers, self.clock)

    async def create_key(
        self, developer_id: str, project_id: str | None, name: str | None, *, cause: Cause
    ) -> tuple[KeyRecord, str]:
        """Mint a key, of a project or the developer's own, and keep its hash; it is returned this once."""
        key = mint(DEVELOPER_KEY_PREFIX if project_id is None else API_KEY_PREFIX, self.randomness)
        kept = await self.changes.create_key(
            developer_id,
            project_id,
            key_hash=self.peppers.hash(key),
            prefix=display_prefix(key),
            name=name,
            cause=cause,
        )
        return kept, key

    async def chosen_password(self, asked: PasswordResetRequest) -> tuple[str, str | None]:
        """Hash the password that is asked for, or a new one; return hash and, if it is new, the password."""
        made = None if asked.password is not None else secrets.token_urlsafe(12)
        return await self.passwords.hash(asked.password or made or ""), made


def cause_of(request: web.Request, actor: str) -> Cause:
    """Say who changes an account, and by which request."""
    traceparent = request.headers.get("traceparent")
    return Cause(actor=actor, request_id=request_id_of(request), traceparent=traceparent)


async def read_model(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body as a model; FieldError or FieldsError tell every field that is wrong."""
    return parse(model, await read_json_object(request), "body")


async def read_optional_model(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body, which may be missing, as a model."""
    return await read_model(request, model) if request.can_read_body else model()


def parse(model: type[Model], values: Mapping[str, object], where: str) -> Model:
    """Read values of the `body` or the `query` as a model; FieldError or FieldsError tell what is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = [_field_error(detail, where) for detail in details]
    raise wrong[0] if len(wrong) == 1 else FieldsError(wrong)


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the query as a model, as lists do: unknown names are ignored, a known one may be given once."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given and name in model.model_fields:
            raise FieldError(ErrorCode.INVALID_REQUEST, ("query", name), "may be given once", "value_error")
        given[name] = value
    return parse(model, given, "query")


def _field_error(wrong: ErrorDetails, where: str) -> FieldError:
    loc = (where, *(str(step) for step in wrong["loc"]))
    if wrong["type"] == "missing":
        return FieldError(ErrorCode.INVALID_REQUEST, loc, "field required", "value_error.missing")
    return FieldError(
        ErrorCode.INVALID_REQUEST, loc, wrong["msg"].removeprefix("Value error, "), wrong["type"]
    )


def path_id(request: web.Request, name: str) -> str:
    """Read an id in the path; what is no UUID is as unknown as an unknown one."""
    found = as_id(request.match_info[name])
    if found is None:
        raise ExemplarError(ErrorCode.NOT_FOUND)
    return found


def secret_response(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Answer with what no cache may keep (RFC 6749, section 5.1)."""
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def reset_response(made: str | None) -> web.Response:
    """Answer a reset: 204, or the password that was made, shown this once."""
    return web.Response(status=204) if made is None else secret_response({"password": made})


def account_body(account: UserRecord | DeveloperRecord | StaffRecord) -> dict[str, Any]:
    match account:
        case UserRecord():
            role = Role.END_USER
        case DeveloperRecord():
            role = Role.DEVELOPER
        case StaffRecord():
            role = account.role
    return {
        "id": account.id,
        "email": account.email,
        "full_name": account.full_name,
        "role": role.value,
        "is_active": account.active,
        "created_at": time_body(account.created_at),
        "project_id": account.project_id if isinstance(account, UserRecord) else None,
    }


def key_body(key: KeyRecord) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "key_prefix": key.prefix,
        "is_active": key.active,
        "last_used_at": time_body(key.last_used_at),
        "created_at": time_body(key.created_at),
    }


def time_body(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)
