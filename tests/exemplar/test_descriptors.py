import os
import resource
import sys
from functools import partial
from pathlib import Path

from exemplar.processes import use_all_descriptors
from tests.systems.commands import run_forked


def show_limits(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    use_all_descriptors()
    sys.stdout.write("{} {}".format(*resource.getrlimit(resource.RLIMIT_NOFILE)))


def test_a_process_may_open_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    done = run_forked(partial(show_limits, most), env=os.environ, cwd=tmp_path)
    assert done.out.split() == [str(most)] * 2, done.error
