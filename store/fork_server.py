"""Processes that start at once: they are forked from a server that has loaded their modules and has no connection.

A fork of this process would copy the driver's threads and sockets; a fresh interpreter loads all modules again.
"""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def fork_server(module: str) -> ForkServerContext:
    """Start the server, which loads a module meanwhile; the one that runs already is used as it is.

    It ends with this process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    forkserver.ensure_running()
    return context
