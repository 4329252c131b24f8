"""Paths of the HTTP API, used by routes, links, webhook messages and the OpenAPI document."""

from typing import Final

API: Final = "/api/v1"

AUTH: Final = f"{API}/auth"
DEVELOPER_KEYS: Final = f"{AUTH}/developer-keys"
DEVELOPERS: Final = f"{API}/developers"
DEVELOPER: Final = f"{DEVELOPERS}/{{developer_id}}"
PLATFORM: Final = f"{API}/platform"
PROJECTS: Final = f"{API}/projects"
PROJECT: Final = f"{PROJECTS}/{{project_id}}"
PROJECT_USER: Final = f"{PROJECT}/users/{{user_id}}"
PROJECT_EVENTS: Final = f"{PROJECT}/events"
PROJECT_GENERATIONS: Final = f"{PROJECT}/generations"
PROJECT_WEBHOOKS: Final = f"{PROJECT}/webhooks"
WEBHOOK_ENDPOINT: Final = f"{PROJECT_WEBHOOKS}/{{endpoint_id}}"
DEFAULT_WEBHOOK_SECRET: Final = f"{API}/webhooks/default/secret"
USAGE: Final = f"{API}/usage"
PROVIDER_CALLBACK: Final = f"{API}/provider/{{provider}}"
HEALTH: Final = f"{API}/health"

SUBMIT: Final = f"{API}/generation/generate-v2"
GENERATIONS: Final = f"{API}/generation/generations-v2"
GENERATION: Final = f"{GENERATIONS}/{{generation_id}}"
PUBLIC_GENERATIONS: Final = f"{API}/generation/public-generations-v2"
OLDER_GENERATION: Final = f"{API}/generation/generations/{{generation_id}}"
