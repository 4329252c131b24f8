"""The commands of docs/deployment.md, with kubectl for all that needs no cluster."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.deploy.manifests import DEPLOY, KUBECTL, validate
from tests.docs.reading import blocks

# What would talk to a cluster prints what it would send.
WITHOUT_CLUSTER = """\
docker() { echo "# docker $*"; }
sudo() { echo "# sudo $*"; }
kubectl() {
  case "$*" in
    "apply -k "*) "$KUBECTL" kustomize "$3"; echo --- ;;
    "apply -f -" | "-n exemplar apply -f -") cat; echo --- ;;
    "apply -f "*) cat "$3"; echo --- ;;
    *--dry-run=client*) "$KUBECTL" "$@" ;;
    *"create secret"*) "$KUBECTL" "$@" --dry-run=client -o yaml; echo --- ;;
    *) echo "# kubectl $*" ;;
  esac
}
set -eo pipefail
"""


@pytest.mark.skipif(not KUBECTL.exists(), reason="no kubectl: its wheels are for Linux")
def test_the_commands_make_valid_objects_and_whole_secrets(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    script = WITHOUT_CLUSTER + "\n".join(blocks("docs/deployment.md", "sh"))
    environ = {**os.environ, "KUBECTL": str(KUBECTL), "EDITOR": "true", "KUBECONFIG": str(tmp_path / "none")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    made = [one for one in YAML(typ="safe").load_all(done.stdout) if one]
    for manifest in made:
        validate(manifest)
    secrets = [one for one in made if one["kind"] == "Secret"]
    assert [one["metadata"]["name"].split("-")[0] for one in secrets] == ["exemplar"] * 3
    assert secrets[1]["data"] == secrets[2]["data"]
    assert {"REPLICATE_API_TOKEN", "EXEMPLAR_KEY_PEPPERS", "EXEMPLAR_MONGODB_URL"} <= secrets[1]["data"].keys()
    assert done.stdout.count("# docker compose exec gateway exemplar accounts") == 5
    assert {"Job", "PersistentVolumeClaim"} <= {one["kind"] for one in made}
