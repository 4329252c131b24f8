"""The link that signs a browser on this machine in to the console with the demonstration accounts."""

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exemplar.local.hooks import Demo
from exemplar.local.secrets_file import write_private

LINK_FILE = "sign-in-link.json"
GOOD_FOR = timedelta(minutes=10)


def make_sign_in_link(home: Path, demo: Demo) -> str:
    """Write the file that the gateway reads once; return the link, which is good for ten minutes and one use."""
    code = secrets.token_urlsafe(24)
    user = {
        "email": demo["email"],
        "password": demo["password"],
        "projectId": demo["project_id"],
        "developerKey": demo["developer_key"],
        "apiKey": demo["api_key"],
    }
    developer = {"email": demo["developer_email"], "password": demo["developer_password"]}
    kept = {
        "code_sha256": hashlib.sha256(code.encode()).hexdigest(),
        "expires_at": (datetime.now(UTC) + GOOD_FOR).isoformat(),
        "accounts": [user, developer],
    }
    write_private(home / LINK_FILE, json.dumps(kept))
    return f"{demo['base_url']}/console/#link={code}"
