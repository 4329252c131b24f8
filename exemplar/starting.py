"""Start a process before what it needs is there: it imports the product meanwhile, most of the work of a start."""

import os
import sys
from typing import Final

HELD: Final = "EXEMPLAR_HELD"
"""Set by a parent that holds a process back until it sends a byte to its standard input."""


def wait_until_released() -> None:
    """Wait for the parent that holds this process back, if one does; end when it ends without a word."""
    if os.environ.pop(HELD, None) and not sys.stdin.buffer.read(1):
        sys.exit(0)
