"""The error tree.

    ExemplarError          a rule refuses a request; `code` is of the closed list below
    ├── FieldError         one field of a request is invalid: location, message, type of the API's errors
    ├── FieldsError        several fields are invalid
    ├── LimitError         a limit is reached, or an operator holds submissions back; `retry_after` seconds
    └── TierError          the developer's tier is not configured

A refusal of a request with several faults is the first of them and names the `others`. `gateway/http` maps codes to
statuses and sentences. A generation that fails has a `FailureCode`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal


class ErrorCode(StrEnum):
    """The codes of refused requests."""

    INVALID_REQUEST = "invalid_request"
    INVALID_MULTIPART = "invalid_multipart"
    MISSING_IMAGES = "missing_images"
    TOO_MANY_IMAGES = "too_many_images"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_DIMENSIONS = "image_dimensions_exceeded"
    IMAGE_FORMAT = "invalid_image_format"
    MISSING_INSTRUCTIONS = "missing_instructions"
    INSTRUCTIONS_JSON = "invalid_instructions_json"
    INSTRUCTIONS_TYPE = "invalid_instructions_type"
    INSTRUCTIONS_LENGTH = "invalid_instructions_length"
    INSTRUCTIONS_PROMPT = "invalid_instructions_prompt"
    INSTRUCTIONS_VALUE = "invalid_instructions_value"
    INVALID_METADATA = "invalid_metadata"
    INVALID_WEBHOOK = "invalid_webhook"
    CONTENT_REFUSED = "content_refused"
    HASH_MISMATCH = "hash_mismatch"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    AUTHORIZATION_REQUIRED = "authorization_required"
    AUTHORIZATION_MALFORMED = "authorization_malformed"
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_LOGIN = "invalid_login"
    INVALID_TICKET = "invalid_ticket"
    GRANT_REQUIRED = "grant_required"
    ROLE_HEADER_REQUIRED = "role_header_required"
    ROLE_HEADER_MALFORMED = "role_header_malformed"
    DEVELOPER_KEY_REQUIRED = "developer_key_required"
    DEVELOPER_KEY_MALFORMED = "developer_key_malformed"
    PROJECT_ID_REQUIRED = "project_id_required"
    PROJECT_ID_MALFORMED = "project_id_malformed"
    API_KEY_REQUIRED = "api_key_required"
    API_KEY_MALFORMED = "api_key_malformed"
    FORBIDDEN = "forbidden"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_DEVELOPER_KEY = "invalid_developer_key"
    GENERATION_LIMIT = "generation_limit_exceeded"
    REQUEST_LIMIT = "request_limit_exceeded"
    LOGIN_LIMIT = "login_limit_exceeded"
    STREAM_LIMIT = "stream_limit_exceeded"
    KEY_LIMIT = "key_limit_exceeded"
    PROJECT_LIMIT = "project_limit_exceeded"
    WEBHOOK_LIMIT = "webhook_limit_exceeded"
    ROTATION_LIMIT = "rotation_limit_exceeded"
    BULK_LIMIT = "bulk_limit_exceeded"
    SELECTION_TOO_LARGE = "selection_too_large"
    CONSUMER_LIMIT = "consumer_limit_exceeded"
    CONSUMER_LEASED = "consumer_leased"
    LEASE_LOST = "lease_lost"
    UNKNOWN_POSITION = "unknown_position"
    RECEIPT_PENDING = "receipt_pending"
    RECEIPTS_DISABLED = "receipts_disabled"
    MCP_NOT_INSTALLED = "mcp_not_installed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    GONE = "gone"
    BODY_TOO_LARGE = "body_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    SERVER_BUSY = "server_busy"
    MAINTENANCE = "maintenance"
    PROVIDER_STOPPED = "provider_stopped"
    PAUSED = "paused"
    QUEUE_FULL = "queue_full"
    WEBHOOK_SECRET_LOST = "webhook_secret_lost"  # noqa: S105 - no secret
    MODERATION_UNAVAILABLE = "moderation_unavailable"
    STORE_UNAVAILABLE = "store_unavailable"
    TIER_UNAVAILABLE = "tier_unavailable"
    UNFINISHED = "generation_unfinished"
    DAMAGED = "damaged"
    INTERNAL = "internal_error"


class FailureCode(StrEnum):
    """The codes of failed generations."""

    INVALID_IMAGE = "invalid_image"
    QUOTA_EXCEEDED = "quota_exceeded"
    CONTENT_FLAGGED = "content_flagged"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_FAILED = "provider_failed"
    PROVIDER_CANCELED = "provider_canceled"
    INVOCATION_LOST = "invocation_lost"
    OUTPUT_UNAVAILABLE = "output_unavailable"
    OUTPUT_INVALID = "output_invalid"
    START_DEADLINE = "start_deadline"
    START_TIMEOUT = "start_timeout"
    FINISH_DEADLINE = "finish_deadline"
    CANCEL_AFTER = "cancel_after"
    CANCELED = "canceled"


Location = tuple[str | int, ...]
"""Where a fault is in a request: `body`, `query` or `header`, then names and, in lists, numbers from 0."""


LimitReason = Literal["month", "slots", "queue"]
"""Why no generation is accepted: the month's are used up, all slots are taken, or as many as may wait for one."""


class ExemplarError(Exception):
    """A rule refuses a request; `loc` says where its fault is, `others` are further faults of the request."""

    def __init__(self, code: ErrorCode, message: str = "", *, loc: Location = ()) -> None:
        super().__init__(message or code.value)
        self.code = code
        self.message = message
        self.loc = loc
        self.others: tuple[ExemplarError, ...] = ()


class FieldError(ExemplarError):
    """One field of a request is invalid."""

    def __init__(self, code: ErrorCode, loc: tuple[str, ...], msg: str, kind: str) -> None:
        super().__init__(code, msg, loc=loc)
        self.msg = msg
        self.kind = kind


def invalid_field(where: str, name: str, msg: str, kind: str = "value_error") -> FieldError:
    """Make the error of a field of the `body`, the `query` or a `header` that has no code of its own."""
    return FieldError(ErrorCode.INVALID_REQUEST, (where, name), msg, kind)


def path_of(error: ExemplarError) -> str:
    """Write where a fault is: `body.instructions`."""
    return ".".join(map(str, error.loc))


class FieldsError(ExemplarError):
    """Several fields of a request are invalid."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors[0].code, "; ".join(f"{path_of(error)}: {error.msg}" for error in errors))
        self.errors = tuple(errors)


class LimitError(ExemplarError):
    """A limit is reached; the request may be repeated after `retry_after` whole seconds.

    reason: which of the limits that share a code.
    """

    def __init__(self, code: ErrorCode, retry_after: int, *, reason: LimitReason | None = None) -> None:
        super().__init__(code)
        self.retry_after = retry_after
        self.reason = reason


class TierError(ExemplarError):
    """The configuration has no tier of this name."""

    def __init__(self, tier: str) -> None:
        super().__init__(ErrorCode.TIER_UNAVAILABLE)
        self.tier = tier
