"""Responses fit clients that were written for the public OpenAPI file."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.systems.tenants import ONE, Tenant

SYSTEM = "solo"
PUBLIC = json.loads((Path(__file__).parent / "cloud-api.openapi.json").read_text())


def validate(name: str, body: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": PUBLIC["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(body)


def validate_fields(name: str, body: dict[str, Any]) -> None:
    """Check a body: valid, and with every field of the schema, as clients read optional ones too."""
    validate(name, body)
    missing = PUBLIC["components"]["schemas"][name]["properties"].keys() - body.keys()
    assert not missing


HEALTH_PARTS = {
    "database": "DatabaseHealthResponse",
    "storage": "StorageHealthResponse",
    "redis": "RedisHealthResponse",
    "detailed": "DetailedHealthCheckResponse",
}


async def test_create_status_resource_and_list_have_the_public_fields(tenant: Tenant) -> None:
    created = await tenant.submit(field="files")
    validate_fields("GenerationCreateResponse", created.body)
    generation = created.body["id"]
    await tenant.completed(generation)

    validate_fields("GenerationStatusResponse", (await tenant.get(f"{ONE}/{generation}/status")).body)
    validate_fields("GenerationResponse", await tenant.resource(generation))
    listed = (await tenant.get(f"{ONE}?page=1&per_page=5")).body
    validate_fields("GenerationListResponse", listed)
    assert [one["id"] for one in listed["generations"]] == [generation]
    validate_fields("GenerationResponse", listed["generations"][0])
    empty = (await tenant.get("/api/v1/generation/public-generations-v2")).body
    validate_fields("GenerationListResponse", empty)


async def test_validation_errors_have_the_public_form(tenant: Tenant) -> None:
    answer = await tenant.submit(field="pictures")
    assert answer.status == 422
    validate("HTTPValidationError", answer.body)


async def test_identity_and_health_have_the_public_fields(tenant: Tenant) -> None:
    validate_fields("UserResponse", (await tenant.get("/api/v1/auth/me")).body)
    health = (await tenant.get("/api/v1/health")).body
    validate("HealthCheckResponse", health)
    for part, schema in HEALTH_PARTS.items():
        answer = await tenant.get(f"/api/v1/health/{part}")
        assert (answer.status, answer.body["status"]) == (200, "healthy")
        validate(schema, answer.body)
