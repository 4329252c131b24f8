"""Processes that start at once: they are forked from a server that has loaded their modules and has no connection.

A fork of this process would copy the driver's threads and sockets; a fresh interpreter loads all modules again.
"""

import multiprocessing
import os
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from threading import Thread


def fork_server(module: str) -> ForkServerContext:
    """Start the server, which loads a module meanwhile; the one that runs already is used as it is.

    It ends with this process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    forkserver.ensure_running()
    return context


def end_with_parent() -> None:
    """End this process when the one that it works for is gone, however that ended: a pool waits for its next task."""
    if (parent := multiprocessing.parent_process()) is not None:
        Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
