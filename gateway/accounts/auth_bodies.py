"""What is sent to log in, to register, and to change one's own account."""

from pydantic import BaseModel, Field

from domain.accounts.credentials import PASSWORD_LONGEST
from gateway.accounts.identity import Email, Name, Password


class LoginRequest(BaseModel):
    email: Email
    password: str = Field(max_length=PASSWORD_LONGEST)


class RefreshRequest(BaseModel):
    refresh_token: str = Field(max_length=4096)


class UserCreateRequest(BaseModel):
    email: Email
    password: Password
    full_name: Name | None = None


class DeveloperCreateRequest(UserCreateRequest):
    tier: str = Field("free_starter", max_length=64)


class PasswordChangeRequest(BaseModel):
    current_password: str = Field(max_length=PASSWORD_LONGEST)
    new_password: Password


class DeletionRequest(BaseModel):
    password: str = Field(max_length=PASSWORD_LONGEST)
