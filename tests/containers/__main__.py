"""Build the image, start compose.yaml, make pictures, kill each container once, stop: `make containers`.

Prints a line a step; exit code 0 also where no container can run, after one line that says why.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.containers.deployment import Deployment
from tests.containers.images import build, prepare
from tests.containers.podman import Podman

KILLED = ("gateway", "worker", "scheduler", "rabbitmq", "mongodb", "sandbox", "prometheus")
STOPPED_WITHIN_S = 30.0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="exemplar-containers-") as name:
        folder = Path(name)
        podman = Podman(folder)
        if reason := podman.missing():
            _say(f"skipped, because podman cannot run here: {reason}")
            return 0
        made = prepare(podman, folder)
        _say(f"stand-ins for {', '.join(made)}" if made else "every public image is there")
        build(podman)
        _say("built the image")
        with Deployment(podman, folder) as deployment:
            _journey(deployment)
    return 0


def _journey(deployment: Deployment) -> None:
    deployment.wait_until_healthy()
    _say("every container runs and is healthy")
    if (users := deployment.users_of_rabbitmq()) != {"exemplar": []}:
        raise SystemExit(f"RabbitMQ must have one user, who administers nothing: {users}")
    if deployment.mongodb_answers_strangers():
        raise SystemExit("MongoDB must answer users alone")
    _say("RabbitMQ has one user, who administers nothing; MongoDB refuses who has no password")
    client = deployment.create_account()
    _say(f"created accounts; made a picture of {deployment.picture(client)} bytes")
    _say(f"backed up {deployment.back_up()} documents of the running system into a mounted folder")
    _say(f"Prometheus scrapes gateway, worker and scheduler, and has {deployment.wait_until_scraped()} alerts")
    for name in KILLED:
        deployment.kill(name)
        deployment.wait_until_healthy(name)
        _say(f"killed and restarted {name}; made a picture of {deployment.picture(client)} bytes")
    deployment.wait_until_scraped()
    _say("Prometheus scrapes every process that was started again")
    for name in ("gateway", "worker", "scheduler"):
        code, seconds = deployment.stop(name)
        _say(f"stopped {name}: exit code {code} after {seconds:.1f} s")
        if code != 0 or seconds > STOPPED_WITHIN_S:
            raise SystemExit(f"{name} must stop with exit code 0 within {STOPPED_WITHIN_S:.0f} s")


_BEGAN = time.monotonic()


def _say(text: str) -> None:
    sys.stdout.write(f"containers: {time.monotonic() - _BEGAN:4.0f} s  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.TimeoutExpired as error:
        sys.exit(f"containers: {error}")
