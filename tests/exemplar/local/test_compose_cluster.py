"""compose.cluster.yaml, as far as it can be checked without running it; chaos 21 runs such servers."""

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from exemplar.local.mongod import REPLICA_SET
from tests.systems.replica_set import HEARTBEATS

ROOT = Path(__file__).parents[3]
MEMBERS = {kind: (kind, f"{kind}-2", f"{kind}-3") for kind in ("mongodb", "rabbitmq")}
CONF = (ROOT / "rabbitmq/cluster.conf").read_text()


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / name)
    return loaded


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    return load("compose.cluster.yaml")


def test_it_is_valid_by_the_specification(cluster: dict[str, Any]) -> None:
    schemas = importlib.resources.files("check_jsonschema.builtin_schemas")
    jsonschema.validate(cluster, json.loads((schemas / "vendor" / "compose-spec.json").read_text()))


def test_every_member_is_what_the_single_server_is_with_data_of_its_own(cluster: dict[str, Any]) -> None:
    single = load("compose.yaml")["services"]
    for kind, (first, *others) in MEMBERS.items():
        assert first in single
        for name in others:
            service = cluster["services"][name]
            assert service["extends"] == {"file": "compose.yaml", "service": kind}
            target = single[kind]["volumes"][-1].partition(":")[2]
            assert f"{name}:{target}" in service["volumes"]
            assert name in cluster["volumes"]


def test_processes_know_all_members_and_wait_for_them(cluster: dict[str, Any]) -> None:
    all_members = {name for names in MEMBERS.values() for name in names}
    for process in ("gateway", "worker", "scheduler"):
        service = cluster["services"][process]
        assert set(service["depends_on"]) == all_members
        addresses = service["environment"]
        assert set(re.findall(r"(mongodb[-\d]*):27017", addresses["EXEMPLAR_MONGODB_URL"])) == set(MEMBERS["mongodb"])
        brokers = addresses["EXEMPLAR_AMQP_URL"].split(",")
        assert [url.partition("@")[2] for url in brokers] == [f"{name}:5672/%2F" for name in MEMBERS["rabbitmq"]]
        assert f"replicaSet={REPLICA_SET}&" in addresses["EXEMPLAR_MONGODB_URL"]


def test_the_replica_set_has_all_members_and_the_settings_that_chaos_tries(cluster: dict[str, Any]) -> None:
    check = cluster["services"]["mongodb"]["healthcheck"]["test"][-1]
    assert json.dumps([*MEMBERS["mongodb"]]) in check
    assert all(f"{name}: {value}" in check for name, value in HEARTBEATS.items())
    assert f'_id: "{REPLICA_SET}"' in check


def test_the_nodes_of_rabbitmq_are_configured_as_those_that_chaos_tries(cluster: dict[str, Any]) -> None:
    tried = (ROOT / "tests/systems/rabbit_cluster.py").read_text()
    for line in ("cluster_partition_handling = pause_minority", "queue_leader_locator = balanced"):
        assert line in CONF
        assert line in tried
    named = re.findall(r"^cluster_formation.classic_config.nodes.\d = rabbit@(\S+)$", CONF, re.MULTILINE)
    assert named == [*MEMBERS["rabbitmq"]]
    assert [cluster["services"][name].get("hostname", name) for name in named] == named
    assert "net_ticktime 10" in cluster["services"]["rabbitmq-3"]["environment"]["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]


def test_a_node_keeps_the_bounds_of_the_single_one() -> None:
    def settings(text: str) -> set[str]:
        return {line for line in text.splitlines() if line and not line.startswith("#")}

    single = settings((ROOT / "rabbitmq/rabbitmq.conf").read_text())
    assert {line for line in single - settings(CONF) if not line.startswith("load_definitions")} == set()


def test_it_contains_no_password() -> None:
    text = (ROOT / "compose.cluster.yaml").read_text()
    assert set(re.findall(r"://(\S+?\}):\$\{", text)) == {"${MONGODB_USER:-exemplar}", "${RABBITMQ_USER:-exemplar}"}
