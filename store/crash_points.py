"""Named points at which a test makes a process die: armed by `EXEMPLAR_CRASH_POINT`, which production refuses."""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Final

POINTS: Final[Mapping[str, Sequence[str]]] = {
    "gateway": ("mid_upload", "before_append", "after_append", "before_reply", "during_stream"),
    "validation": ("begin", "before_append", "after_append", "before_ack"),
    "quota": ("begin", "before_append", "after_append", "before_ack"),
    "invocation": ("begin", "before_append", "after_append", "during_request", "after_request", "before_ack"),
    "completion": ("begin", "before_blob", "before_append", "after_append", "before_ack"),
    "projector": ("begin", "before_ack"),
    "delivery": ("begin", "before_ack", "during_request", "before_append", "after_append"),
}
"""The points of the gateway and of each actor, in the order in which a process reaches them.

`begin`: an event was delivered. `before_append`: its outcome is decided and not recorded; `after_append`: recorded and
not published. `during_request`: the answer of a paid call, or of a receiver, has begun. The last three of `delivery`
are in the scheduler.
"""


class CrashPoint:
    """The point at which this process dies, if any; `left` is how often it is still reached before."""

    def __init__(self) -> None:
        self._armed: tuple[str, str] | None = None
        self._left = 0

    def arm(self, role: str, point: str, *, after: int = 0) -> None:
        """Die at a point, once it was passed `after` times."""
        self._armed, self._left = (role, point), after

    def __call__(self, role: str, point: str) -> None:
        """Kill this process if it is armed for this point of this role, named as the actor of a cause may be."""
        if self._armed is not None and self._armed == (_plain(role), point):
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _plain(actor: str) -> str:
    """Return the role of the actor of a cause: every user acts by the gateway."""
    return "gateway" if actor.startswith("user:") else actor.removeprefix("actor:")


crash_point: Final = CrashPoint()
