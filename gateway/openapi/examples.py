"""An example of each request body, by the name of its operation; a test sends them all to a running gateway."""

from collections.abc import Mapping
from typing import Any, Final

_CASE: Final = "CASE-2026-17"
_CURSOR: Final = "0"
_MOMENT: Final = "2026-01-01T00:00:00Z"

EXAMPLES: Final[Mapping[str, Any]] = {
    "register": {"email": "ada@example.com", "password": "a long pass phrase of mine", "full_name": "Ada"},
    "login": {"email": "ada@example.com", "password": "a long pass phrase of mine"},
    "refresh": {"refresh_token": "eyJhbGciOiJIUzI1NiJ9..."},
    "changePassword": {
        "current_password": "a long pass phrase of mine",
        "new_password": "another long pass phrase",
    },
    "deleteMe": {"password": "another long pass phrase"},
    "createDeveloperKey": {"name": "build server"},
    "createProject": {"name": "Shop", "description": "Pictures for the shop"},
    "setProject": {"description": "Pictures for the new shop"},
    "createProjectApiKey": {"name": "web server"},
    "createProjectUserAccessKey": {
        "name": "laptop",
        "scopes": ["generate", "read"],
        "expires_at": "2999-01-01T00:00:00Z",
    },
    "setProjectUserPassword": {"password": "a pass phrase from the developer"},
    "setDeveloperTier": {"tier": "free_starter"},
    "setDeveloperPassword": {"password": "a pass phrase from the operator"},
    "createGeneration": {
        "example_images": ["harbour.jpg", "cliffs.jpg", "storm.png"],
        "instructions": '{"prompt": "A lighthouse at dusk, in the style of the pictures"}',
    },
    "createImageEdit": {"image": ["harbour.jpg"], "prompt": "A lighthouse at dusk", "model": "sdxl"},
    "retryGeneration": {"seed": "new"},
    "updateGenerationPublic": {"is_public": True},
    "createProjectWebhook": {
        "url": "https://shop.example.com/hooks/exemplar",
        "event_types": ["generation.completed", "generation.failed"],
        "description": "orders",
    },
    "updateProjectWebhook": {"description": "orders and returns"},
    "testProjectWebhook": {"type": "generation.completed"},
    "recoverProjectWebhook": {"since": _MOMENT},
    "resendProjectWebhook": {"states": ["failed"], "since": _MOMENT},
    "replayMissingProjectWebhook": {"since": _MOMENT},
    "setProjectConsumer": {"cursor": _CURSOR},
    "leaseProjectConsumer": {"limit": 10, "seconds": 60},
    "acknowledgeProjectConsumer": {"lease": "0123456789abcdef0123456789abcdef", "cursor": _CURSOR},
    "createBulkJob": {"action": "publish", "filter": {"status": "completed"}, "is_public": True},
    "setAuditConsumer": {"position": 0},
    "acknowledgeAuditConsumer": {"position": 0},
    "cosignAuditCheckpoint": {"note": "exemplar\n1\nAAAA\n\n- exemplar AAAA\n"},
    "createErasureGeneration": {"reason": "data_request", "case": _CASE},
    "createErasureUser": {"reason": "data_request", "case": _CASE},
    "createErasureProject": {"reason": "data_request", "case": _CASE},
    "setControlMaintenance": {"reason": "maintenance", "submissions": "refuse"},
    "setControlQueue": {"reason": "cost", "limit": 100},
    "setControlProvider": {"reason": "incident", "submissions": "queue", "case": _CASE},
    "setControlDeveloper": {"reason": "billing"},
    "setControlProject": {"reason": "abuse"},
    "replayParkedEvent": {"all": True},
    "replayDeadLetter": {"first": 10},
    "discardParkedEvent": {"ids": ["projector:17"], "reason": "obsolete"},
    "discardDeadLetter": {"all": True, "handler": "validation", "reason": "obsolete"},
    "createConsoleSignInLink": {"code": "the code of the link"},
    "sendMcpMessage": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
    "createProviderCallback": {"id": "p-17", "status": "succeeded"},
}
