"""A thousand seeds of the simulation, and proof that it finds what it looks for (`make simulate` runs more)."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.simulation.planted import UnfencedEventStore, no_claim
from tests.simulation.seeds import Life, lives
from tests.simulation.servers import Servers

DIGESTS = (
    "import json; from tests.simulation.seeds import lives as l; print(json.dumps([x.digest for x in l(range(8))]))"
)
ROOT = Path(__file__).parents[2]
SEEDS = 1000
IMPORTED_AT = time.time()
_PART = 125


def failing(found: list[Life]) -> dict[int, tuple[str, ...]]:
    return {life.seed: life.violations for life in found if life.violations}


@pytest.mark.parametrize("first", range(0, SEEDS, _PART))
def test_a_thousand_seeds_lose_nothing_and_pay_nothing_twice(first: int) -> None:
    found = list(lives(range(first, first + _PART)))
    assert failing(found) == {}, "python -m tests.simulation --first SEED --seeds 1 repeats one"
    assert sum(life.generations for life in found) > 2 * _PART
    assert sum(life.completed for life in found) > _PART
    assert sum(life.kills for life in found) > _PART
    assert sum(life.turns for life in found) > _PART // 8


def test_a_seed_repeats_exactly_in_every_process() -> None:
    children = [_started(hash_seed) for hash_seed in ("1", "2")]
    own = [life.digest for life in lives(range(8))]
    first, second = (json.loads(child.communicate(timeout=120)[0]) for child in children)
    assert first == second
    if own != first and (edited := _edited_since_import()):
        pytest.skip(f"this process imported what was edited since: {', '.join(edited)}")
    assert own == first


def _started(hash_seed: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", DIGESTS], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _edited_since_import() -> list[str]:
    """Name the modules of this repository that were written after this one was imported: a new process has others."""
    files = {getattr(module, "__file__", None) for module in [*sys.modules.values()]}
    paths = [Path(file) for file in files if file is not None]
    own = [path for path in paths if path.is_relative_to(ROOT) and ".venv" not in path.parts]
    return sorted(path.name for path in own if path.stat().st_mtime > IMPORTED_AT)


def test_a_store_that_fences_no_append_is_found() -> None:
    found = next((life for life in lives(range(SEEDS), lambda: Servers(UnfencedEventStore())) if life.violations), None)
    assert found is not None


def test_a_paid_call_without_a_claim_is_found() -> None:
    with no_claim():
        found = next((life for life in lives(range(SEEDS)) if life.violations), None)
    assert found is not None
    assert any("paid twice" in violation for violation in found.violations)
