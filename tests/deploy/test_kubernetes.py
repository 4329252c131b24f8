"""deploy/kubernetes, rendered by kubectl: schemas, rights, secrets, probes, stopping, scaling and network."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from actors.subscriptions import QUEUES
from exemplar.environment import read_all
from exemplar.settings import PROCESS_SETTINGS, sections
from exemplar.stopping import STOP_SECONDS
from gateway.settings import GatewaySettings
from tests.deploy.manifests import (
    DEPLOY,
    KUBECTL,
    Manifest,
    container,
    may_come_from,
    may_reach,
    new_secrets,
    of_kind,
    pods,
    render,
    selects,
    validate,
    write_secrets,
)
from tests.deploy.process_secrets import PROCESS_SECRETS, SET_BESIDE_SECRETS, variables_of
from tests.docs.reading import columns

OURS = ("gateway", "worker", "scheduler")
ADDRESSES = {"EXEMPLAR_MONGODB_URL", "EXEMPLAR_AMQP_URL"}
PUBLIC, PRIVATE, METADATA = "93.184.216.34", "10.1.2.3", "169.254.169.254"
NODE_CACHE = "169.254.20.10"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl: its wheels are for Linux")


@pytest.fixture(scope="module", params=["production", "sandbox"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(request.param)


@pytest.fixture(scope="module")
def production() -> list[Manifest]:
    return render("production")


def test_every_object_is_valid(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        validate(manifest)
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "exemplar"


@pytest.mark.parametrize("kind", ["Deployment", "NetworkPolicy", "ScaledObject", "TriggerAuthentication", "PodMonitor"])
def test_a_misspelt_field_is_found(production: list[Manifest], kind: str) -> None:
    wrong = copy.deepcopy(next(iter(of_kind(production, kind).values())))
    wrong["spec"]["misspelt"] = 1
    with pytest.raises(jsonschema.ValidationError, match="misspelt"):
        validate(wrong)


def test_every_pod_keeps_the_restricted_standard(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        spec, one = pod["spec"], container(pod)
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }, name
        assert one["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert one["resources"]["limits"].keys() == {"memory"}, name


def test_the_user_is_the_one_of_the_image(production: list[Manifest]) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (DEPLOY.parent / "Dockerfile").read_text(), re.MULTILINE)
    assert user is not None
    for pod in pods(production).values():
        assert pod["spec"]["securityContext"]["runAsUser"] == int(user[1])
        assert pod["spec"]["securityContext"]["runAsGroup"] == int(user[2])


def secrets_in(pod: Manifest) -> dict[str, Manifest]:
    found = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container(pod)["env"] if "valueFrom" in one}
    assert all(name == reference["key"] for name, reference in found.items())
    return found


def test_every_process_gets_its_own_secrets_alone(manifests: list[Manifest]) -> None:
    found = pods(manifests)
    for name in OURS:
        assert secrets_in(found[name]).keys() == PROCESS_SECRETS[name] | SET_BESIDE_SECRETS[name] | ADDRESSES
        assert all(secrets_in(found[name])[one].get("optional") for one in SET_BESIDE_SECRETS[name])
        assert "EXEMPLAR_CALLBACK_SECRET" not in str(of_kind(manifests, "ConfigMap"))
    if "sandbox" in found:
        assert secrets_in(found["sandbox"]).keys() == PROCESS_SECRETS["sandbox"]


def test_every_secret_can_be_changed_in_three_steps(production: list[Manifest]) -> None:
    found = pods(production)
    for name in OURS:
        steps = " ".join(step for row in columns("docs/secrets.md", "## In three steps", 1, 2, 3) for step in row)
        read = variables_of(PROCESS_SETTINGS[name]).keys() - ({"EXEMPLAR_CHECKPOINT_KEY"} - PROCESS_SECRETS[name])
        assert set(re.findall("EXEMPLAR_[A-Z_]+", steps)) & read <= secrets_in(found[name]).keys(), name


def test_new_secrets_let_every_process_start(production: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = dict(line.split("=", 1) for line in new_secrets("r8_token").splitlines())
    assert secrets["REPLICATE_API_TOKEN"] == "r8_token"
    for name in OURS:
        asked = secrets_in(pods(production)[name])
        assert {key for key, reference in asked.items() if not reference.get("optional")} <= secrets.keys()
        with monkeypatch.context() as environment:
            for key in asked:
                environment.setenv(key, secrets.get(key, ""))  # what is optional may be there and empty
            read_all(PROCESS_SETTINGS[name])


def test_new_secrets_are_their_owners_alone_and_replace_no_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert write_secrets(file).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    made = file.read_text()
    again = write_secrets(file)
    assert again.returncode == 1
    assert f"{file} exists" in again.stderr
    assert file.read_text() == made


def test_two_systems_have_no_secret_in_common() -> None:
    first, second = set(new_secrets().splitlines()), set(new_secrets().splitlines())
    assert first & second == {"REPLICATE_BASE_URL=http://sandbox:8091"}


def test_the_config_map_has_settings_alone(manifests: list[Manifest]) -> None:
    known = {setting.name for _, settings in sections() for setting in settings}
    [config_map] = of_kind(manifests, "ConfigMap").values()
    assert config_map["data"].keys() <= known
    for name in OURS:
        [reference] = container(pods(manifests)[name])["envFrom"]
        assert reference == {"configMapRef": {"name": config_map["metadata"]["name"]}}


def test_probes_ask_the_internal_port(manifests: list[Manifest]) -> None:
    [config_map] = of_kind(manifests, "ConfigMap").values()
    for name in OURS:
        one = container(pods(manifests)[name])
        assert one["args"] == [name]
        ports = {port["name"]: str(port["containerPort"]) for port in one["ports"]}
        assert ports["internal"] == config_map["data"]["EXEMPLAR_METRICS_PORT"]
        assert ports.get("http") == (config_map["data"]["EXEMPLAR_PORT"] if name == "gateway" else None)
        paths = {kind: one[kind]["httpGet"] for kind in PROBES}
        assert {probe["port"] for probe in paths.values()} == {"internal"}
        assert [probe["path"] for probe in paths.values()] == ["/health/live", "/health/live", "/health/ready"]
        [told] = re.findall(r"`timeoutSeconds: (\d+)`", (DEPLOY.parent / "docs/operations.md").read_text())
        assert {one[kind]["timeoutSeconds"] for kind in PROBES} == {int(told)}


def test_no_process_is_killed_while_it_stops(manifests: list[Manifest]) -> None:
    for name in OURS:
        spec, one = pods(manifests)[name]["spec"], container(pods(manifests)[name])
        pause = one.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pause == (5 if name == "gateway" else 0)
        assert spec["terminationGracePeriodSeconds"] >= pause + STOP_SECONDS + 5


def selectors(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        for name, one in of_kind(manifests, kind).items():
            yield f"{kind} {name}", one["spec"]["selector"]
    for name, one in of_kind(manifests, "Service").items():
        yield f"Service {name}", {"matchLabels": one["spec"]["selector"]}
    for name, one in of_kind(manifests, "NetworkPolicy").items():
        yield f"NetworkPolicy {name}", one["spec"]["podSelector"]


def test_every_selector_finds_pods(manifests: list[Manifest]) -> None:
    found = pods(manifests)
    for name, selector in selectors(manifests):
        chosen = {workload for workload, pod in found.items() if selects(selector, pod)}
        kind, own = name.split()
        assert chosen, name
        if kind in {"PodDisruptionBudget", "Service"}:
            assert chosen == {own}
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        targets = [one["spec"]["scaleTargetRef"]["name"] for one in of_kind(manifests, kind).values()]
        assert set(targets) <= of_kind(manifests, "Deployment").keys()


def test_every_process_may_be_disrupted_one_at_a_time(manifests: list[Manifest]) -> None:
    budgets = of_kind(manifests, "PodDisruptionBudget")
    assert {name: one["spec"]["maxUnavailable"] for name, one in budgets.items()} == dict.fromkeys(OURS, 1)


def test_what_scales_by_itself_has_no_fixed_number(production: list[Manifest]) -> None:
    deployments = of_kind(production, "Deployment")
    assert [name for name in OURS if "replicas" in deployments[name]["spec"]] == ["scheduler"]
    assert of_kind(production, "HorizontalPodAutoscaler")["gateway"]["spec"]["minReplicas"] == 2


def test_workers_scale_by_every_queue(production: list[Manifest]) -> None:
    scaled = of_kind(production, "ScaledObject")["worker"]["spec"]
    assert {one["metadata"]["queueName"] for one in scaled["triggers"]} == set(QUEUES)
    [authentication] = {one["authenticationRef"]["name"] for one in scaled["triggers"]}
    assert authentication in of_kind(production, "TriggerAuthentication")


def test_processes_reach_what_they_need_alone(production: list[Manifest]) -> None:
    found = pods(production)
    for name in OURS:
        reached = {
            (address, port)
            for address in (PUBLIC, PRIVATE, METADATA, "fd00::1", "2001:4860:4860::8888")
            for port in (80, 443, 5672, 6443, 8443, 27017)
            if may_reach(production, found[name], address, port)
        }
        private = {(PRIVATE, 5672), (PRIVATE, 27017)}
        provider = {(PUBLIC, 443), ("2001:4860:4860::8888", 443)}
        receivers = {(address, port) for address, _ in provider for port in (5672, 6443, 8443, 27017)}
        assert reached == private | provider | (receivers if name == "scheduler" else set()), name


def test_names_are_asked_of_the_cache_of_the_node_too(production: list[Manifest]) -> None:
    for name in OURS:
        ports = [port for port in (53, 80, 443) if may_reach(production, pods(production)[name], NODE_CACHE, port)]
        assert ports == [53]


def test_only_gateways_are_reached_by_clients_and_all_by_prometheus(production: list[Manifest]) -> None:
    for name, pod in pods(production).items():
        assert may_come_from(production, pod, "ingress") == ({"http"} if name == "gateway" else set())
        assert may_come_from(production, pod, "monitoring") == {"internal"}
        assert may_come_from(production, pod, "default") == set()


def test_nothing_is_allowed_by_default(manifests: list[Manifest]) -> None:
    denied = of_kind(manifests, "NetworkPolicy")["default-deny"]["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_ingress_passes_streams_and_the_largest_upload(production: list[Manifest]) -> None:
    annotations = of_kind(production, "Ingress")["gateway"]["metadata"]["annotations"]
    largest = GatewaySettings.model_fields["upload_user_share"].default
    for prefix, size in (("nginx.org", "client-max-body-size"), ("nginx.ingress.kubernetes.io", "proxy-body-size")):
        assert int(annotations[f"{prefix}/{size}"].removesuffix("m")) * 2**20 >= largest
        assert annotations[f"{prefix}/proxy-buffering"] in {"False", "off"}


def test_what_belongs_together_is_one_system() -> None:
    """In the sandbox's namespace each process reaches MongoDB, RabbitMQ and the sandbox, and nothing else does."""
    manifests = render("sandbox")
    to, at = (of_kind(manifests, "NetworkPolicy")[name]["spec"] for name in ("to-servers", "at-servers"))
    found = pods(manifests)
    for rule in to["egress"]:
        [peer], [port] = rule["to"], rule["ports"]
        [server] = [pod for pod in found.values() if selects(peer["podSelector"], pod)]
        assert selects(at["podSelector"], server)
        assert port["port"] in {one["containerPort"] for one in container(server)["ports"]}
    [peer] = at["ingress"][0]["from"]
    assert {name for name, pod in found.items() if selects(peer["podSelector"], pod)} == set(OURS)
