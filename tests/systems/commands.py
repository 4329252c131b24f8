"""Commands in processes of their own."""

import asyncio
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from socketserver import StreamRequestHandler, UnixStreamServer
from typing import NamedTuple

from tests.systems.forking import become, ended, exemplar, fork


class Done(NamedTuple):
    """The exit code and the output of a process; minus the number of the signal that ended it."""

    code: int
    out: str
    error: str


def run_command(*arguments: str, env: Mapping[str, str], cwd: Path) -> Done:
    """Run `exemplar ARGUMENTS` in this environment alone."""
    return run_forked(partial(exemplar, *arguments), env=env, cwd=cwd)


async def command(*arguments: str, env: Mapping[str, str], cwd: Path) -> Done:
    """Run `exemplar ARGUMENTS` in this environment alone, beside the loop of the test."""
    return await asyncio.to_thread(run_command, *arguments, env=env, cwd=cwd)


def run_forked(main: Callable[[], object], *, env: Mapping[str, str], cwd: Path, within: float = 120) -> Done:
    """Call a function of a module in a process that has this environment alone; raises TimeoutError."""
    with tempfile.TemporaryDirectory() as folder:
        out, error = Path(folder, "out"), Path(folder, "error")
        process = fork(_call, main, dict(env), cwd, out, error)
        if (code := ended(process, within)) is None:
            process.kill()
            raise TimeoutError(f"not done after {within} s: {error.read_text()}")
        return Done(code, out.read_text(), error.read_text())


@contextmanager
def served_commands(folder: Path) -> Iterator[str]:
    """Yield the words that run `exemplar` in a shell, without a new interpreter for the whole product."""
    with UnixStreamServer(str(folder / "commands"), _Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"{sys.executable} -I -S {Path(__file__).with_name('command_shim.py')} {server.server_address}"
        finally:
            server.shutdown()


class _Answer(StreamRequestHandler):
    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        done = run_command(*asked["arguments"], env=asked["env"], cwd=Path(asked["env"]["PWD"]))  # that of the shell
        self.wfile.write(json.dumps(done).encode() + b"\n")


def _call(main: Callable[[], object], env: Mapping[str, str], cwd: Path, out: Path, error: Path) -> None:
    become(env, out, error)
    os.chdir(cwd)
    main()
