"""The manifests of deploy/kubernetes, as kubectl renders them, and the schemas that they must keep."""

import json
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
from ruamel.yaml import YAML

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VERSION = "1.37"
KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"


@cache
def render(overlay: str) -> list[Manifest]:
    """Render an overlay in a copy of the manifests, with secrets as docs/deployment.md tells; not to be changed."""
    with tempfile.TemporaryDirectory() as folder:
        kubernetes = shutil.copytree(DEPLOY / "kubernetes", Path(folder) / "kubernetes")
        (kubernetes / "overlays/sandbox/secrets.env").write_text(new_secrets())
        command = [str(KUBECTL), "kustomize", str(kubernetes / "overlays" / overlay)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(YAML(typ="safe").load_all(done.stdout))


def new_secrets(token: str = "") -> str:
    """Run deploy/secrets.sh, with a token of Replicate or without; return what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        done = write_secrets(file, token)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        return file.read_text()


def write_secrets(file: Path, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run deploy/secrets.sh for a file."""
    environ = {"PATH": "/usr/bin:/bin", "REPLICATE_API_TOKEN": token}
    command = ["sh", str(DEPLOY / "secrets.sh"), str(file)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def validate(manifest: Manifest) -> None:
    """Raise jsonschema.ValidationError for what Kubernetes, KEDA or the Prometheus Operator does not know."""
    name = manifest["apiVersion"], manifest["kind"]
    if (schema := _custom_schemas().get(name)) is not None:
        jsonschema.validate(manifest, schema)
    else:
        kubernetes_validate.validate(manifest, VERSION, strict=True)


@cache
def _custom_schemas() -> dict[tuple[str, str], Any]:
    found = [json.loads(path.read_text()) for path in (Path(__file__).parent / "crds").glob("*.json")]
    return {(one["apiVersion"], one["kind"]): _closed(one["schema"], top=True) for one in found}


def _closed(schema: Any, *, top: bool = False) -> Any:
    """Refuse fields that a custom resource does not have: a cluster would drop them."""
    match schema:
        case list():
            return [_closed(one) for one in schema]
        case {"properties": dict(fields)} if "additionalProperties" not in schema:
            known = {
                name: {"type": "object"} if top and name == "metadata" else _closed(one) for name, one in fields.items()
            }
            return {**schema, "properties": known, "additionalProperties": False}
        case dict():
            return {key: _closed(one) for key, one in schema.items()}
        case _:
            return schema


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by their names."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the template of the pods of each workload, by its name."""
    return {
        name: one["spec"]["template"]
        for kind in ("Deployment", "StatefulSet")
        for name, one in of_kind(manifests, kind).items()
    }


def container(pod: Manifest) -> Manifest:
    """Return the only container of a pod."""
    [one] = pod["spec"]["containers"]
    return dict(one)


def selects(selector: Manifest, pod: Manifest) -> bool:
    """Tell whether a label selector chooses a pod."""
    labels = pod["metadata"]["labels"]
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    terms = selector.get("matchExpressions", [])
    assert all(term["operator"] == "In" for term in terms)
    return equal and all(labels.get(term["key"]) in term["values"] for term in terms)


def may_reach(manifests: list[Manifest], pod: Manifest, address: str, port: int) -> bool:
    """Tell whether the NetworkPolicies let a pod open a TCP connection to an address outside of the cluster."""
    return any(
        _names_port(rule, port) and any(_names_address(peer, address) for peer in rule["to"])
        for rule in _rules(manifests, pod, "egress")
    )


def may_come_from(manifests: list[Manifest], pod: Manifest, namespace: str) -> set[Any]:
    """Return the ports of a pod that the NetworkPolicies open to the pods of another namespace."""
    wanted = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    rules = [rule for rule in _rules(manifests, pod, "ingress") if wanted in rule["from"]]
    return {port["port"] for rule in rules for port in rule["ports"]}


def _rules(manifests: list[Manifest], pod: Manifest, direction: str) -> Iterator[Manifest]:
    for policy in of_kind(manifests, "NetworkPolicy").values():
        if selects(policy["spec"]["podSelector"], pod):
            yield from policy["spec"].get(direction, [])


def _names_port(rule: Manifest, port: int) -> bool:
    return any(
        one["protocol"] == "TCP" and one["port"] <= port <= one.get("endPort", one["port"]) for one in rule["ports"]
    )


def _names_address(peer: Manifest, address: str) -> bool:
    block, ip = peer.get("ipBlock"), ip_address(address)
    return bool(
        block and ip in ip_network(block["cidr"]) and not any(ip in ip_network(one) for one in block.get("except", ()))
    )
