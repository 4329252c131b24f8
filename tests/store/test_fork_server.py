"""Processes of a fork server end with the process that they work for."""

import os
import signal
import subprocess
import sys
from time import monotonic, sleep

PARENT = """
import time
from store.fork_server import fork_server
from tests.store.fork_server_child import report_and_wait

server = fork_server("store.fork_server")
received, sent = server.Pipe(duplex=False)
server.Process(target=report_and_wait, args=(sent,)).start()
print(received.recv(), flush=True)
time.sleep(60)
"""


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_ends_when_its_parent_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert _is_running(child)
        parent.send_signal(signal.SIGKILL)
        deadline = monotonic() + 20
        while _is_running(child) and monotonic() < deadline:
            sleep(0.05)
        assert not _is_running(child)
