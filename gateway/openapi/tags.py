"""The groups of operations."""

from typing import Final

from domain.paths import (
    API,
    AUTH,
    CONSOLE,
    CONTROLS,
    DEFAULT_WEBHOOK_SECRET,
    DEVELOPERS,
    EVENT_TYPES,
    HEALTH,
    MCP,
    OPENAI,
    OPERATIONS,
    PLATFORM,
    PROJECT_BULK,
    PROJECT_CONSUMERS,
    PROJECT_EVENTS,
    PROJECT_GENERATIONS,
    PROJECT_WEBHOOKS,
    PROJECTS,
    USAGE,
    WEBHOOK_KEYS,
)

TAGS: Final = {
    "Generations": "Submit, read, list, change and delete generations, and their pictures.",
    "Events": "Watch generations: streams of server-sent events, pages and tickets; the catalogue of event types.",
    "Webhooks": "Endpoints of a project, their deliveries and their keys.",
    "Consumers": "Named positions in the feed of a project, of which programs lease events.",
    "Accounts": "Registration, login, keys and one's own account.",
    "Projects": "A developer's projects with their users and keys.",
    "Usage": "What was generated, and what is left of the limits.",
    "Audit": "The log for auditors, operators and developers: events, proofs, time travel, accesses.",
    "Operations": "What operators do: developers, controls, failed work, bulk jobs, erasures.",
    "OpenAI": "Submissions in the form of OpenAI's API.",
    "MCP": "The Model Context Protocol, for programs that work with language models.",
    "Service": "Health, this document, the console, and callbacks of the image model.",
}
_PREFIXES: Final = (
    (PROJECT_BULK, "Operations"),
    (PROJECT_CONSUMERS, "Consumers"),
    (PROJECT_EVENTS, "Events"),
    (PROJECT_GENERATIONS, "Generations"),
    (PROJECT_WEBHOOKS, "Webhooks"),
    (PROJECTS, "Projects"),
    (AUTH, "Accounts"),
    (DEVELOPERS, "Operations"),
    (PLATFORM, "Audit"),
    (f"{API}/audit", "Audit"),
    (f"{API}/erasures", "Operations"),
    (CONTROLS, "Operations"),
    (OPERATIONS, "Operations"),
    (EVENT_TYPES, "Events"),
    (WEBHOOK_KEYS, "Webhooks"),
    (DEFAULT_WEBHOOK_SECRET, "Webhooks"),
    (USAGE, "Usage"),
    (HEALTH, "Service"),
    (CONSOLE, "Service"),
    (MCP, "MCP"),
    (OPENAI, "OpenAI"),
)


def tag_of(path: str) -> str:
    """Name the group of a path."""
    if path.startswith(f"{API}/generation"):
        last = path.rstrip("/").rpartition("/")[2]
        return "Events" if last in ("events", "ticket") else "Audit" if last == "history" else "Generations"
    if path.endswith("/history"):
        return "Audit"
    return next((tag for prefix, tag in _PREFIXES if path.startswith(prefix)), "Service")
