"""compose.yaml and Dockerfile, as far as they can be checked without running them (`make containers` does)."""

import importlib.resources
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from exemplar.local.mongod import REPLICA_SET
from exemplar.local.options import Options
from exemplar.local.programs import RANKS, Addresses, environment
from exemplar.local.secrets_file import Secrets

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
    command = compose["services"]["mongodb"]["command"]
    size = command[command.index("--oplogSize") + 1]
    assert f"{size} MB in `compose.yaml`" in (ROOT / "docs/accounts.md").read_text()


def test_the_compose_file_sets_the_settings_that_exemplar_up_sets(compose: dict[str, Any]) -> None:
    where = Addresses("http://127.0.0.1:8000", 8000, "mongodb://m", "amqp://r", 8091)
    known = environment(Options(environ={}), Secrets(), where).keys() | {"EXEMPLAR_SANDBOX_HOST"}
    for name in OURS:
        assert compose["services"][name]["environment"].keys() <= known


def test_the_replica_set_has_the_same_name_everywhere(compose: dict[str, Any]) -> None:
    mongodb = compose["services"]["mongodb"]
    assert mongodb["command"][:3] == ["mongod", "--replSet", REPLICA_SET]
    assert f'_id: "{REPLICA_SET}"' in mongodb["healthcheck"]["test"][-1]
    assert compose["services"]["gateway"]["environment"]["EXEMPLAR_MONGODB_URL"].endswith(f"={REPLICA_SET}")


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
    for lock in ("requirements/build.txt", "requirements/service.txt"):
        assert any(f"--require-hashes --requirement {lock}" in line for line in lines)


def test_the_image_installs_the_package_with_its_version() -> None:
    runs = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("RUN pip")]
    assert any("wheel --no-deps --no-build-isolation --no-index" in line for line in runs)
    assert "--no-deps --no-index /wheels/*.whl" in runs[-1]
