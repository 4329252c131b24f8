"""compose.yaml and Dockerfile, as far as they can be checked without running them (`make containers` does)."""

import importlib.resources
import json
import re
import subprocess
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
from tests.deploy.process_secrets import PROCESS_SECRETS

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


def test_sandbox_and_observers_start_only_with_their_profiles(compose: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in compose["services"].items() if "profiles" in service}
    assert profiles == {"sandbox": ["sandbox"], "prometheus": ["observability"], "grafana": ["observability"]}


def test_processes_wait_for_healthy_servers(compose: dict[str, Any]) -> None:
    for name in ("gateway", "worker", "scheduler"):
        waits = compose["services"][name]["depends_on"]
        assert waits == {server: {"condition": "service_healthy"} for server in ("mongodb", "rabbitmq")}


def test_every_service_has_a_health_check(compose: dict[str, Any]) -> None:
    assert "HEALTHCHECK " in (ROOT / "Dockerfile").read_text()
    for name, service in compose["services"].items():
        assert name in {"gateway", "worker", "scheduler"} or service["healthcheck"]["test"][0] == "CMD", name


def test_every_service_has_bounds_and_no_more_rights_than_it_needs(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert {"mem_limit", "cpus", "pids_limit"} <= service.keys(), name
        assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name not in {"mongodb", "rabbitmq"}:  # their images start as root and then change the user
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_prometheus_scrapes_the_port_of_every_process(compose: dict[str, Any]) -> None:
    [job] = YAML(typ="safe").load(ROOT / "deploy/prometheus/prometheus.yml")["scrape_configs"]
    [found] = job["dns_sd_configs"]
    assert set(found["names"]) == {"gateway", "worker", "scheduler"}
    for name in found["names"]:
        assert compose["services"][name]["environment"]["EXEMPLAR_METRICS_PORT"] == str(found["port"])


def test_the_oplog_is_small_because_erased_data_stay_in_it(compose: dict[str, Any]) -> None:
    command = compose["services"]["mongodb"]["entrypoint"][-1].split()
    size = command[command.index("--oplogSize") + 1]
    assert f"{size} MB in `compose.yaml`" in (ROOT / "docs/erasure.md").read_text()


def test_the_compose_file_sets_the_settings_that_exemplar_up_sets(compose: dict[str, Any]) -> None:
    where = Addresses("http://127.0.0.1:8000", 8000, "mongodb://m", "amqp://r", 8091)
    known = environment(Options(environ={}), Secrets(), where).keys() | {"EXEMPLAR_SANDBOX_HOST"}
    known |= {"EXEMPLAR_METRICS_HOST", "EXEMPLAR_METRICS_PORT"}
    for name in OURS:
        assert {setting for setting, value in compose["services"][name]["environment"].items() if value} <= known


def test_every_process_gets_its_own_secrets_alone(compose: dict[str, Any]) -> None:
    passwords = {"MONGODB_PASSWORD", "MONGODB_ROOT_PASSWORD", "RABBITMQ_PASSWORD"}
    addresses = {"EXEMPLAR_MONGODB_URL", "EXEMPLAR_AMQP_URL"}
    everything = set.union(passwords, addresses, *PROCESS_SECRETS.values())
    for name in OURS:
        emptied = {variable for variable, value in compose["services"][name]["environment"].items() if value == ""}
        assert everything - emptied == PROCESS_SECRETS[name] | (addresses if name != "sandbox" else set()), name
    for name in ("prometheus", "grafana"):
        assert "env_file" not in compose["services"][name]


def test_the_servers_require_users_without_more_rights_than_needed(compose: dict[str, Any]) -> None:
    assert "--keyFile" in compose["services"]["mongodb"]["entrypoint"][-1]
    assert 'roles: [{role: "readWrite", db: "exemplar"}]' in compose["services"]["mongodb"]["healthcheck"]["test"][-1]
    assert '"tags": []' in compose["services"]["rabbitmq"]["entrypoint"][-1]


def test_the_users_of_the_servers_can_be_replaced(compose: dict[str, Any], tmp_path: Path) -> None:
    services = compose["services"]
    for address, kind in (("EXEMPLAR_MONGODB_URL", "MONGODB"), ("EXEMPLAR_AMQP_URL", "RABBITMQ")):
        user, password = f"${{{kind}_USER:-exemplar}}", f"${{{kind}_PASSWORD:?set {kind}_PASSWORD in .env}}"
        assert f"://{user}:{password}@" in services["gateway"]["environment"][address]
        assert services[kind.lower()]["environment"][f"{kind}_USER"] == user
    assert "{user: process.env.MONGODB_USER," in services["mongodb"]["healthcheck"]["test"][-1]
    for file in ("compose.yaml", "compose.cluster.yaml"):
        script = YAML(typ="safe").load(ROOT / file)["services"]["rabbitmq"]["entrypoint"][-1]
        writes = script.partition(">/etc/")[0].replace("$$", "$")
        environ = {"RABBITMQ_USER": "second", "RABBITMQ_PASSWORD": "new"}
        made = subprocess.run(["sh", "-ec", writes], env=environ, capture_output=True, check=True).stdout
        definitions = json.loads(made)
        assert definitions["users"] == [{"name": "second", "password": "new", "tags": []}]
        assert [one["user"] for one in definitions["permissions"]] == ["second"]


def test_the_replica_set_has_the_same_name_everywhere(compose: dict[str, Any]) -> None:
    mongodb = compose["services"]["mongodb"]
    assert f"mongod --replSet {REPLICA_SET} " in mongodb["entrypoint"][-1]
    assert f'_id: "{REPLICA_SET}"' in mongodb["healthcheck"]["test"][-1]
    assert f"replicaSet={REPLICA_SET}&" in compose["services"]["gateway"]["environment"]["EXEMPLAR_MONGODB_URL"]


def test_grafana_finds_prometheus_and_the_dashboard(compose: dict[str, Any]) -> None:
    files = ROOT / "deploy/grafana/provisioning"
    [source] = YAML(typ="safe").load(files / "datasources/prometheus.yml")["datasources"]
    [dashboards] = YAML(typ="safe").load(files / "dashboards/exemplar.yml")["providers"]
    targets = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    assert targets["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    shown = targets["./deploy/grafana/exemplar.json"]
    assert Path(shown).parent == Path(dashboards["options"]["path"])
    assert compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == shown
    host, port = source["url"].removeprefix("http://").split(":")
    assert compose["services"][host]["ports"][0].endswith(f":{port}")


def test_every_mounted_file_exists(compose: dict[str, Any]) -> None:
    mounts = [mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]
    assert len(files) == 6
    assert [file for file in files if not (ROOT / file).exists()] == []
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
    assert lines.index("USER 10001:10001") < lines.index('CMD ["gateway"]')


def test_the_image_has_what_is_locked_and_each_extra_has_its_lock() -> None:
    text = (ROOT / "Dockerfile").read_text()
    installs = re.findall(r"pip --python \S+ install (.*)", text)
    locked = [line.partition(" --requirement ")[2].split()[0] for line in installs if "--require-hashes" in line]
    assert locked == ["requirements/build.txt", '"requirements/$file.txt"']
    assert installs[-1] == "--no-deps --no-index /wheels/*.whl"
    assert "for file in service $EXTRAS;" in text
    assert 'ARG EXTRAS="mcp s3"' in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].keys() - {"dev", "local"}
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == extras | {
        "build",
        "dev",
        "local",
        "service",
    }


def test_the_image_installs_the_package_with_its_version() -> None:
    assert "wheel --no-deps --no-build-isolation --no-index" in (ROOT / "Dockerfile").read_text()
