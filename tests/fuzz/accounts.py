"""The accounts that fuzzed requests come from: an end user, a developer and an operator, all made over HTTP."""

import itertools
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from domain.paths import AUTH, PROJECT_WEBHOOKS, SUBMIT
from tests.builders.odd_pictures import tone_jpeg

HOOK: Final = "http://127.0.0.1:9/"
"""Nobody listens there."""
PASSWORD: Final = "an-unlikely-password-indeed"
ROLES: Final = ("end_user", "developer", "operator", "stranger")
VALUES: Final = ("email", "password", "current_password", "new_password", "refresh_token", "tier", "url")
"""Members of bodies that only real values get past."""
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Accounts:
    """The headers of each role, ids of what they own by the names of path parameters, values by those of members."""

    headers: Mapping[str, Headers]
    ids: Mapping[str, str]
    values: Mapping[str, str]

    @property
    def end_user(self) -> Headers:
        return self.headers["end_user"]


class Api:
    """Calls the API; every call comes from a client address of its own, so that no limit per address is met."""

    def __init__(self, base_url: str) -> None:
        self.base_url, self.session = base_url, requests.Session()
        self.session.trust_env = False  # it would look for proxies and passwords before every request
        self._numbers = itertools.count(1)

    def address(self) -> dict[str, str]:
        """Return the header of the trusted proxy."""
        number = next(self._numbers)
        return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    def call(self, method: str, path: str, headers: Headers, status: int, **options: Any) -> Any:
        """Call with a valid request; return the JSON body of the answer."""
        answer = self.session.request(
            method, self.base_url + path, headers={**headers, **self.address()}, timeout=100, **options
        )
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None


def open_accounts(api: Api, operator_key: str) -> Accounts:
    """Register a developer and an end user with a generation, keys, an endpoint and a delivery."""
    operator = {"X-Operator-Key": operator_key}
    developer, provided = _register(api, operator, "developers.example", tier="internal")
    bearer = {"Authorization": f"Bearer {developer['access_token']}"}
    project = provided["project_id"]
    program = {
        "X-Developer-Key": provided["developer_key"],
        "X-API-Key": provided["api_key"],
        "X-Project-ID": project,
    }
    user, _ = _register(api, program, "people.example")
    end_user = {"Authorization": f"Bearer {user['access_token']}", "X-User-Role": "end_user", **program}
    access_key = api.call("POST", f"/api/v1/projects/{project}/users/{user['id']}/access-keys", bearer, 201, json={})
    ids = {
        "access_key_id": access_key["id"],
        "developer_id": developer["id"],
        "project_id": project,
        "user_id": user["id"],
        "key_id": api.call("POST", f"{AUTH}/developer-keys", bearer, 201, json={})["id"],
        "api_key_id": api.call("POST", f"/api/v1/projects/{project}/api-keys", bearer, 201, json={})["id"],
        "generation_id": submit(api, end_user),
        "number": "0",
        "consumer": "billing",
        "event_type": "generation.completed",
        "revision": "1",
        "path": "index.html",
        "provider": "replicate",
        **_webhook(api, bearer, project),
    }
    by_key = {"Authorization": f"Bearer {access_key['key']}"}
    headers = {"end_user": end_user, "access_key": by_key, "developer": bearer, "operator": operator, "stranger": {}}
    values = {name: PASSWORD for name in VALUES if name.endswith("password")}
    values |= {"email": user["email"], "refresh_token": user["refresh_token"], "tier": "internal", "url": HOOK}
    return Accounts(headers, ids, values)


def submit(api: Api, end_user: Headers) -> str:
    """Submit a small picture; return the id of the generation."""
    files = {"example_images": ("a.jpg", tone_jpeg(), "image/jpeg")}
    data = {"instructions": json.dumps({"prompt": "a garden"})}
    return str(api.call("POST", SUBMIT, end_user, 202, files=files, data=data)["id"])


def _register(api: Api, by: Headers, host: str, **more: str) -> tuple[dict[str, Any], dict[str, str]]:
    body = {"email": f"{secrets.token_hex(6)}@{host}", "password": PASSWORD, **more}
    made = api.call("POST", f"{AUTH}/register", by, 201, json=body)
    return made, made["provisioning"] or {}


def _webhook(api: Api, bearer: Headers, project: str) -> dict[str, str]:
    path = PROJECT_WEBHOOKS.format(project_id=project)
    endpoint = api.call("POST", path, bearer, 201, json={"url": HOOK})["id"]
    sent = api.call("POST", f"{path}/{endpoint}/test", bearer, 202, json={"type": "generation.completed"})
    return {"endpoint_id": endpoint, "delivery_id": str(sent["id"])}
