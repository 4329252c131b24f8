"""The shapes of answers; those of bodies that are read come from the models that read them."""

from collections.abc import Mapping
from typing import Any, Final

from domain.errors import ErrorCode

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_MAYBE: Final[Schema] = {"type": ["string", "null"]}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_ID: Final[Schema] = {"type": "string", "format": "uuid"}
_FLAG: Final[Schema] = {"type": "boolean"}
_NUMBER: Final[Schema] = {"type": "integer"}
_OBJECT: Final[Schema] = {"type": "object"}
_MAYBE_OBJECT: Final[Schema] = {"type": ["object", "null"]}


def _all(**fields: Schema) -> Schema:
    return {"type": "object", "required": list(fields), "properties": fields}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _listed(name: str) -> Schema:
    """Describe one page, or what stands behind a cursor."""
    window = {"page": _NUMBER, "per_page": _NUMBER, "limit": _NUMBER, "next_cursor": _MAYBE}
    return {
        "type": "object",
        "required": ["generations"],
        "properties": {"generations": _list(_ref(name)), "total": _NUMBER, "total_is_exact": _FLAG, **window},
    }


_TOKENS: Final = {"access_token": _TEXT, "refresh_token": _TEXT, "token_type": {"const": "bearer"}}
_ACCOUNT: Final[Mapping[str, Schema]] = {
    "id": _ID,
    "email": _TEXT,
    "full_name": _MAYBE,
    "role": {"enum": ["end_user", "developer", "platform_operator", "auditor"]},
    "is_active": _FLAG,
    "created_at": _TIME,
    "project_id": _MAYBE,
}
_KEY: Final[Mapping[str, Schema]] = {
    "id": _ID,
    "name": _MAYBE,
    "key_prefix": _TEXT,
    "is_active": _FLAG,
    "last_used_at": _MAYBE_TIME,
    "created_at": _TIME,
}

ANSWERS: Final[Mapping[str, Schema]] = {
    "Object": _OBJECT,
    "Created": _all(id=_ID),
    "Tokens": _all(**_TOKENS),
    "Account": _all(**_ACCOUNT),
    "Registration": _all(**_ACCOUNT, provisioning=_MAYBE_OBJECT, **_TOKENS),
    "Key": _all(**_KEY),
    "Keys": _list(_ref("Key")),
    "NewKey": _all(**_KEY, key=_TEXT),
    "Project": _all(
        id=_ID,
        name=_TEXT,
        description=_MAYBE,
        is_active=_FLAG,
        created_at=_TIME,
        updated_at=_MAYBE_TIME,
    ),
    "Projects": _list(_ref("Project")),
    "Developers": _all(developers=_list(_ref("Account")), total=_NUMBER, page=_NUMBER, page_size=_NUMBER),
    "Users": _all(users=_list(_OBJECT), total=_NUMBER, page=_NUMBER, page_size=_NUMBER),
    "History": _all(events=_list(_OBJECT), limit=_NUMBER, next_cursor=_MAYBE),
    "Usage": {
        "type": "object",
        "required": ["from", "to", "by", "totals", "usage"],
        "properties": {
            "from": {"type": "string", "format": "date"},
            "to": {"type": "string", "format": "date"},
            "by": _list(_TEXT),
            "tier": _TEXT,
            "limits": _OBJECT,
            "totals": _OBJECT,
            "usage": _list(_OBJECT),
        },
    },
    "GenerationCreated": _all(id=_ID, status=_TEXT),
    "Generation": _all(
        id=_ID,
        status={"enum": ["pending", "processing", "completed", "failed"]},
        state=_TEXT,
        generated_image_url=_MAYBE,
        result_image_url=_MAYBE,
        result=_MAYBE_OBJECT,
        error=_MAYBE,
        failure=_MAYBE_OBJECT,
        instructions=_TEXT,
        example_images=_list(_TEXT),
        is_public=_FLAG,
        version=_NUMBER,
        created_at=_TIME,
        updated_at=_TIME,
        completed_at=_MAYBE_TIME,
        timings=_OBJECT,
        cost=_OBJECT,
        retry_of=_MAYBE,
        metadata=_OBJECT,
        urls=_OBJECT,
    ),
    "PublicGeneration": _all(
        id=_ID,
        status={"enum": ["completed", "failed"]},
        instructions=_TEXT,
        generated_image_url=_MAYBE,
        result_image_url=_MAYBE,
        result=_MAYBE_OBJECT,
        example_images=_list(_TEXT),
        is_public=_FLAG,
        created_at=_TIME,
        updated_at=_TIME,
        completed_at=_MAYBE_TIME,
    ),
    "Generations": _listed("Generation"),
    "PublicGenerations": _listed("PublicGeneration"),
    "Error": {
        "type": "object",
        "required": ["detail", "code", "request_id"],
        "properties": {
            "detail": {"anyOf": [_TEXT, _list(_all(loc=_list(_TEXT), msg=_TEXT, type=_TEXT))]},
            "code": {"enum": [code.value for code in ErrorCode]},
            "request_id": _TEXT,
            "retry_after": _NUMBER,
        },
    },
}
