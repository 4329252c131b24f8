"""The shapes of answers."""

from collections.abc import Mapping
from typing import Any, Final

from domain.accounts.access import Role
from domain.accounts.access_keys import Scope
from domain.errors import ErrorCode
from domain.submission.warnings import WarningCode

Schema = dict[str, Any]


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Final[Schema] = {"type": "string"}
_FAULT: Final = {"loc": _list(_TEXT), "msg": _TEXT, "type": _TEXT}
_CODE: Final[Schema] = {"enum": [code.value for code in ErrorCode]}
_ERROR: Final = {"loc": _list({"type": ["string", "integer"]}), "code": _CODE, "msg": _TEXT, "type": _TEXT}
_TYPES: Final[Mapping[str, Schema]] = {
    "text": _TEXT,
    "text?": {"type": ["string", "null"]},
    "texts": _list(_TEXT),
    "id": {"type": "string", "format": "uuid"},
    "day": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "date-time"},
    "time?": {"type": ["string", "null"], "format": "date-time"},
    "flag": {"type": "boolean"},
    "number": {"type": "integer"},
    "number?": {"type": ["integer", "null"]},
    "object": {"type": "object"},
    "object?": {"type": ["object", "null"]},
    "objects": _list({"type": "object"}),
    "faults": _list({"type": "object", "required": list(_FAULT), "properties": _FAULT}),
    "errors": _list({"type": "object", "required": ["loc", "code", "msg"], "properties": _ERROR}),
}


def _object(required: str, optional: str = "", **described: Schema) -> Schema:
    """Describe an object; a field is written `name:type`, with `?` where it may be null."""
    always = _fields(required) | described
    return {"type": "object", "required": list(always), "properties": always | _fields(optional)}


def _fields(written: str) -> dict[str, Schema]:
    return {name: _TYPES[kind] for name, _, kind in (field.partition(":") for field in written.split())}


def _page(name: str) -> Schema:
    """Describe one page of generations, or what follows a cursor."""
    window = "total:number total_is_exact:flag page:number per_page:number limit:number next_cursor:text?"
    return _object("", window, generations=_list(_ref(name)))


_ROLE: Final[Schema] = {"enum": [role.value for role in Role]}
_ACCOUNT: Final = "id:id email:text full_name:text? is_active:flag created_at:time project_id:text? "
_TOKENS: Final = "access_token:text refresh_token:text "
_BEARER: Final[Schema] = {"const": "bearer"}
_KEY: Final = "id:id name:text? key_prefix:text is_active:flag last_used_at:time? created_at:time "
_ACCESS_KEY: Final = _KEY + "expires_at:time? "
_SCOPES: Final[Schema] = _list({"enum": [scope.value for scope in Scope]})
_PROBLEM: Final = "type:text title:text status:number detail:text request_id:text "
_PROJECT_CONSUMER: Final = "name:text cursor:text behind:number leased_until:time? created_at:time updated_at:time"
_NUMBERED: Final = "total:number page:number page_size:number "
_URLS: Final = ("self", "status", "events", "cancel", "retry", "explain", "image", "receipt", "web")
_GENERATION: Final = (
    "id:id instructions:text generated_image_url:text? result_image_url:text? result:object? "
    "example_images:texts is_public:flag created_at:time updated_at:time completed_at:time? "
)

_FAILED: Final = (
    "id:text handler:text commit:text error:text tries:number since:time last_at:time? next_try_at:time? "
    "request_id:text? discarded:text?"
)
_BULK_JOB: Final = (
    "id:id action:text state:text filters:texts conditions:object options:object selected:number done:number "
    "changed:number unchanged:number failed:number failures:objects waiting_for:text? event:text? planned_at:time "
    "started_at:time? ended_at:time?"
)
_CONTROL: Final = (
    "kind:text subject:text? developer:text? submissions:text holds:flag limit:number? reason:text case:text? "
    "since:time expected_end:time?"
)

ANSWERS: Final[Mapping[str, Schema]] = {
    "Object": _TYPES["object"],
    "Created": _object("id:id"),
    "Tokens": _object(_TOKENS, token_type=_BEARER),
    "Account": _object(_ACCOUNT, role=_ROLE),
    "Registration": _object(_ACCOUNT + _TOKENS + "provisioning:object?", role=_ROLE, token_type=_BEARER),
    "Key": _object(_KEY),
    "Keys": _list(_ref("Key")),
    "NewKey": _object(_KEY + "key:text"),
    "AccessKey": _object(_ACCESS_KEY, scopes=_SCOPES),
    "AccessKeys": _list(_ref("AccessKey")),
    "NewAccessKey": _object(_ACCESS_KEY + "key:text", scopes=_SCOPES),
    "Project": _object("id:id name:text description:text? is_active:flag created_at:time updated_at:time?"),
    "Projects": _list(_ref("Project")),
    "Developers": _object(_NUMBERED, developers=_list(_ref("Account"))),
    "Users": _object(_NUMBERED + "users:objects"),
    "History": _object("events:objects limit:number next_cursor:text?"),
    "AuditEvents": _object("events:objects more:flag continue:object"),
    "AsOf": _object("kind:text id:id as_of:object state:object?"),
    "Difference": _object("kind:text id:id since:object as_of:object changes:object events:objects more:flag"),
    "Invariants": _object("report:object? next:object?"),
    "EventType": _object(
        "name:text description:text final:flag subscribers:object webhook_filters:texts schema_url:text "
        "log_schema_url:text schema:object sample:object"
    ),
    "EventTypes": _object("", event_types=_list(_ref("EventType"))),
    "WebhookKeys": _object("", keys=_list(_object("kty:text crv:text alg:text use:text kid:text x:text key:text"))),
    "Accesses": _object("accesses:objects next_before:number?"),
    "Consumer": _object("name:text position:number behind:number created_at:time updated_at:time"),
    "Consumers": _object("", consumers=_list(_ref("Consumer"))),
    "ProjectConsumer": _object(_PROJECT_CONSUMER),
    "ProjectConsumers": _object("", consumers=_list(_ref("ProjectConsumer"))),
    "LeasedEvents": _object("lease:text? leased_until:time? events:objects cursor:text more:flag"),
    "Erasure": _object("kind:text id:id state:text generations:number running:number users:number endpoints:number"),
    "Control": _object(_CONTROL),
    "Controls": _object("", controls=_list(_ref("Control"))),
    "FailedEntry": _object(_FAILED, "events:objects later:texts"),
    "FailedWork": _object("next_after:text?", entries=_list(_ref("FailedEntry"))),
    "Projections": _object("drift:object rebuild:object"),
    "ChosenWork": _object("count:number"),
    "ServiceStatus": _object(
        "position:number waiting:number parked:number dead_letters:number controls:number broker:object",
        subscribers=_list(_object("name:text position:number behind:number parked:number")),
        queues=_list(_object("name:text messages:number")),
        provider=_object("name:text paused_until:time? reason:text?"),
    ),
    "VerificationKeys": _object("log:text keys:texts"),
    "RequestTraces": _object(
        "request_id:text events:objects deliveries:objects parked:objects dead_letters:objects log_fields:object"
    ),
    "BulkJob": _object(_BULK_JOB),
    "BulkJobs": _object("", jobs=_list(_ref("BulkJob"))),
    "BulkPlan": _object(_BULK_JOB + " sample:texts"),
    "Usage": _object("from:day to:day by:texts totals:object usage:objects", "tier:text limits:object"),
    "Warning": _object(
        "code:text message:text example:number?", "fields:texts", code={"enum": [code.value for code in WarningCode]}
    ),
    "Urls": _object(" ".join(f"{name}:text" for name in _URLS)),
    "GenerationCreated": _object(
        "id:id message:text queued:flag start_by:time deadline:time",
        status={"const": "pending"},
        warnings=_list(_ref("Warning")),
        urls=_ref("Urls"),
    ),
    "DryRun": _object(
        "replayed:flag start_by:time deadline:time",
        "id:id input:object quota:object queue:object estimate:object",
        dry_run={"const": True},
        warnings=_list(_ref("Warning")),
    ),
    "SubmissionAnswered": {"anyOf": [_ref("Generation"), _ref("DryRun")]},
    "Generation": _object(
        _GENERATION + "state:text error:text? failure:object? version:number timings:object cost:object "
        "retry_of:text? request_id:text? metadata:object start_by:time deadline:time expires_at:time?",
        "queue:object?",
        warnings=_list(_ref("Warning")),
        urls=_ref("Urls"),
        status={"enum": ["pending", "processing", "completed", "failed"]},
    ),
    "PublicGeneration": _object(_GENERATION, status={"enum": ["completed", "failed"]}),
    "Generations": _page("Generation"),
    "PublicGenerations": _page("PublicGeneration"),
    "Receipt": _object(
        "type:text log:text generation:id picture:object request:object model:text? seed:number times:object "
        "cost:object digital_source_type:text event:text proof:text personal_data:object? signature:text"
    ),
    "Events": _object("events:objects version:number", "reset:flag"),
    "FeedEvents": _object("events:objects cursor:text more:flag", "reset:flag"),
    "EditedImages": _object("id:id created:number data:objects output_format:text size:text"),
    "Model": _object("id:text object:text created:number owned_by:text"),
    "Models": _object("object:text", data=_list(_ref("Model"))),
    "OpenAiError": _object("", error=_object("message:text type:text param:text? code:text", "generation_id:id")),
    "Error": _object(
        "request_id:text",
        "retry_after:number reason:text errors:errors",
        detail={"anyOf": [_TEXT, _TYPES["faults"]]},
        code=_CODE,
    ),
    "Problem": _object(_PROBLEM, "retry_after:number reason:text errors:errors", code=_CODE),
}
