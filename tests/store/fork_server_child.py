"""What a process of the fork server does in a test."""

import os
import time
from multiprocessing.connection import Connection
from typing import Any

from store.fork_server import end_with_parent


def report_and_wait(sent: "Connection[Any, Any]") -> None:
    """Send the id of this process, and wait for longer than the test."""
    end_with_parent()
    sent.send(os.getpid())
    time.sleep(60)
