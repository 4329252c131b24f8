"""`/api/v1/auth/me` and `/password`: the account of the access token."""

from dataclasses import dataclass

from aiohttp import web

from domain.accounts.access import Claims, Role, StaffIdentity
from domain.accounts.access_keys import require_scope
from domain.accounts.passwords import Passwords
from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.paths import AUTH
from gateway.accounts.answers import Account
from gateway.accounts.bodies import account_body, secret_response
from gateway.accounts.requests import DeletionRequest, PasswordChangeRequest
from gateway.auth.authentication import Authenticator
from gateway.auth.login_attempts import LoginAttempts
from gateway.http.client_address import ClientAddresses
from gateway.http.parsing import read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, post
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.platform import PlatformChanges
from store.accounts.records import DeveloperRecord, StaffRecord, UserRecord
from store.accounts.writes import NewPassword


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAccountRoutes:
    accounts: Accounts
    account_changes: AccountChanges
    platform_changes: PlatformChanges
    authenticator: Authenticator
    passwords: Passwords
    client_addresses: ClientAddresses
    login_attempts: LoginAttempts

    @get(f"{AUTH}/me", "account_reader", answer=Account)
    async def read(self, request: web.Request) -> web.Response:
        """Read your account."""
        claims = await self.authenticator.authenticate_account(request)
        found: UserRecord | DeveloperRecord | StaffRecord | None
        match claims.role:
            case Role.END_USER:
                found = await self.accounts.user(claims.project_id or "", claims.subject)
            case Role.DEVELOPER:
                found = await self.accounts.developer(claims.subject)
            case Role.PLATFORM_OPERATOR | Role.AUDITOR:
                found = await self.accounts.staff.find(claims.subject)
        if found is None:
            raise ExemplarError(ErrorCode.INVALID_CREDENTIALS)
        return secret_response(account_body(found))

    @post(f"{AUTH}/password", "account", 204, body=PasswordChangeRequest, codes=(ErrorCode.LOGIN_LIMIT,))
    async def change_password(self, request: web.Request) -> web.Response:
        """Set your password; all other sessions end."""
        claims = await self.authenticator.authenticate_account(request)
        body = await read_model(request, PasswordChangeRequest)
        proved = await self._prove(request, claims, body.current_password, "current_password")
        new = NewPassword(await self._hash(request, body.new_password), proved, claims.session)
        await self._set_password(claims, new, request)
        return web.Response(status=204)

    async def _set_password(self, claims: Claims, new: NewPassword, request: web.Request) -> None:
        match claims.role:
            case Role.END_USER:
                user = await self.authenticator.authenticate_end_user(request)
                cause = cause_of(request, f"user:{user.user_id}")
                await self.account_changes.set_user_password(
                    user.developer_id, user.project_id, user.user_id, new, cause=cause
                )
            case Role.DEVELOPER:
                cause = cause_of(request, f"developer:{claims.subject}")
                await self.account_changes.set_developer_password(claims.subject, new, cause=cause)
            case Role.PLATFORM_OPERATOR | Role.AUDITOR:
                cause = cause_of(request, StaffIdentity(claims.subject, claims.role).actor)
                await self.platform_changes.change_password(claims.subject, new, cause=cause)

    @delete(f"{AUTH}/me", "account", 204, body=DeletionRequest, codes=(ErrorCode.LOGIN_LIMIT,))
    async def delete(self, request: web.Request) -> web.Response:
        """Delete your account and all its data."""
        user = await self.authenticator.authenticate_end_user(request)
        require_scope(user.scopes, None)
        claims, _ = self.authenticator.presented_credentials(request)
        body = await read_model(request, DeletionRequest)
        await self._prove(request, claims, body.password, "password")
        cause = cause_of(request, f"user:{user.user_id}")
        await self.account_changes.delete_user(user.developer_id, user.project_id, user.user_id, cause=cause)
        return web.Response(status=204)

    async def _hash(self, request: web.Request, password: str) -> str:
        return await self.passwords.hash(password, client=self.client_addresses.of(request))

    async def _prove(self, request: web.Request, claims: Claims, password: str, field: str) -> str:
        """Check the account's password and return its hash; a wrong one is counted like a login."""
        counter = await self.login_attempts.count_proof(claims)
        kept = await self.accounts.password_hash(claims.role, claims.subject, claims.project_id)
        verifying = self.passwords.verify(password, kept, client=self.client_addresses.of(request))
        if not await self.login_attempts.verified(verifying, counter) or kept is None:
            raise invalid_field("body", field, "is not correct")
        await self.login_attempts.proof_succeeded(counter)
        return kept
