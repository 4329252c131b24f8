"""compose.yaml and Dockerfile, as far as they can be checked without running them (`make containers` does)."""

import importlib.resources
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic_settings import BaseSettings
from ruamel.yaml import YAML

from actors.providers.settings import ReplicateSettings
from exemplar.local.mongod import REPLICA_SET
from exemplar.local.options import Options
from exemplar.local.programs import RANKS, Addresses, environment
from exemplar.local.secrets_file import Secrets
from exemplar.settings import PROCESS_SETTINGS

ROOT = Path(__file__).parents[3]
OURS = ("gateway", "worker", "scheduler", "sandbox")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")
    return loaded


def test_the_compose_file_is_valid_by_the_specification(compose: dict[str, Any]) -> None:
    schemas = importlib.resources.files("check_jsonschema.builtin_schemas")
    schema = json.loads((schemas / "vendor" / "compose-spec.json").read_text())
    jsonschema.validate(compose, schema)


def test_every_process_of_the_product_uses_one_image(compose: dict[str, Any]) -> None:
    assert set(OURS) <= RANKS.keys()
    for name in OURS:
        assert compose["services"][name]["image"] == "exemplar"
        assert compose["services"][name]["command"] == [name]


def test_the_sandbox_starts_only_with_its_profile(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "profiles" in service] == ["sandbox"]


def test_processes_wait_for_healthy_servers(compose: dict[str, Any]) -> None:
    for name in ("gateway", "worker", "scheduler"):
        waits = compose["services"][name]["depends_on"]
        assert waits == {server: {"condition": "service_healthy"} for server in ("mongodb", "rabbitmq")}
    for server in ("mongodb", "rabbitmq"):
        assert compose["services"][server]["healthcheck"]["test"][0] == "CMD"


def test_the_oplog_is_small_because_erased_data_stay_in_it(compose: dict[str, Any]) -> None:
    command = compose["services"]["mongodb"]["entrypoint"][-1].split()
    size = command[command.index("--oplogSize") + 1]
    assert f"{size} MB in `compose.yaml`" in (ROOT / "docs/erasure.md").read_text()


def test_the_compose_file_sets_the_settings_that_exemplar_up_sets(compose: dict[str, Any]) -> None:
    where = Addresses("http://127.0.0.1:8000", 8000, "mongodb://m", "amqp://r", 8091)
    known = environment(Options(environ={}), Secrets(), where).keys() | {"EXEMPLAR_SANDBOX_HOST"}
    for name in OURS:
        assert {setting for setting, value in compose["services"][name]["environment"].items() if value} <= known


def secrets_of(settings: Iterable[type[BaseSettings]]) -> set[str]:
    """Name the variables that hold a secret; an address with a password in it is set by the compose file."""
    fields = [
        (field.alias or f"{one.model_config.get('env_prefix', '')}{name}").upper()
        for one in settings
        for name, field in one.model_fields.items()
        if "Secret" in str(field.annotation)
    ]
    return {field for field in fields if not field.endswith("_URL")}


def test_every_process_gets_its_own_secrets_alone(compose: dict[str, Any]) -> None:
    needed = {
        # It signs receipts with a key of its own: that of the log stays with the scheduler.
        "gateway": secrets_of((*PROCESS_SETTINGS["gateway"], ReplicateSettings)) - {"EXEMPLAR_CHECKPOINT_KEY"},
        "worker": secrets_of((*PROCESS_SETTINGS["worker"], ReplicateSettings)),
        "scheduler": secrets_of((*PROCESS_SETTINGS["scheduler"], ReplicateSettings)),
        "sandbox": {"EXEMPLAR_SANDBOX_TOKEN"},
    }
    passwords = {"MONGODB_PASSWORD", "MONGODB_ROOT_PASSWORD", "RABBITMQ_PASSWORD"}
    everything = set.union(passwords, *needed.values())
    for name in OURS:
        emptied = {variable for variable, value in compose["services"][name]["environment"].items() if value == ""}
        assert everything - emptied == needed[name], name


def test_the_servers_require_users_without_more_rights_than_needed(compose: dict[str, Any]) -> None:
    assert "--keyFile" in compose["services"]["mongodb"]["entrypoint"][-1]
    assert 'roles: [{role: "readWrite", db: "exemplar"}]' in compose["services"]["mongodb"]["healthcheck"]["test"][-1]
    assert '"tags": []' in compose["services"]["rabbitmq"]["entrypoint"][-1]


def test_the_replica_set_has_the_same_name_everywhere(compose: dict[str, Any]) -> None:
    mongodb = compose["services"]["mongodb"]
    assert f"mongod --replSet {REPLICA_SET} " in mongodb["entrypoint"][-1]
    assert f'_id: "{REPLICA_SET}"' in mongodb["healthcheck"]["test"][-1]
    assert f"replicaSet={REPLICA_SET}&" in compose["services"]["gateway"]["environment"]["EXEMPLAR_MONGODB_URL"]


def test_every_mounted_file_exists(compose: dict[str, Any]) -> None:
    mounts = [mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]
    assert len(files) == 3
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert {mount for mount in mounts if not mount.startswith("./")} == compose["volumes"].keys()


def test_the_compose_file_contains_no_password() -> None:
    for name in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|TOKEN|KEY)\w*)([^}]*)\}", (ROOT / "compose.yaml").read_text()):
        assert name[1].startswith(":?"), f"{name[0]} must have no default"


def test_the_image_contains_every_package_and_runs_unprivileged() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    for package in wheel["packages"]:
        assert f"COPY {package} ./{package}" in lines
        assert f"!{package}" in ignored
    assert lines.index("USER exemplar") < lines.index('CMD ["gateway"]')
    for lock in ("requirements/build.txt", "requirements/mcp.txt"):
        assert any(f"--require-hashes --requirement {lock}" in line for line in lines)


def test_the_image_installs_the_package_with_its_version() -> None:
    runs = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("RUN pip")]
    assert any("wheel --no-deps --no-build-isolation --no-index" in line for line in runs)
    assert "--no-deps --no-index /wheels/*.whl" in runs[-1]
