"""The links that sign a browser on this machine in with the demonstration accounts: to the console and the API page."""

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exemplar.local.hooks import Demo
from exemplar.local.secrets_file import write_private

LINK_FILE = "sign-in-link.json"
DOCS_LINK_FILE = "sign-in-link.docs.json"
GOOD_FOR = timedelta(minutes=10)


def make_sign_in_link(home: Path, demo: Demo) -> str:
    """Write the file that the gateway reads once; return the link, which is good for ten minutes and one use."""
    return f"{demo['base_url']}/console/#link={_write(home / LINK_FILE, demo)}"


def make_docs_link(home: Path, demo: Demo) -> str:
    """Write the file of a link to the API page, which is good for ten minutes and one use."""
    return f"{demo['base_url']}/docs#link={_write(home / DOCS_LINK_FILE, demo)}"


def _write(file: Path, demo: Demo) -> str:
    """Write the hash of a new code with the credentials; return the code."""
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
    write_private(file, json.dumps(kept))
    return code
