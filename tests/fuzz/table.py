"""Every target by its name."""

from collections.abc import Mapping
from typing import Final

from tests.fuzz.target import Target
from tests.fuzz.targets.callbacks import CALLBACKS
from tests.fuzz.targets.checkpoints import CHECKPOINTS
from tests.fuzz.targets.cursors import CURSORS
from tests.fuzz.targets.envelope import ENVELOPE
from tests.fuzz.targets.framing import FRAMING
from tests.fuzz.targets.instructions import INSTRUCTIONS
from tests.fuzz.targets.merkle import MERKLE
from tests.fuzz.targets.messages import MESSAGES
from tests.fuzz.targets.multipart import MULTIPART
from tests.fuzz.targets.pictures import PICTURES
from tests.fuzz.targets.requests import REQUESTS
from tests.fuzz.targets.signatures import SIGNATURES
from tests.fuzz.targets.tickets import TICKETS
from tests.fuzz.targets.workflows import WORKFLOWS

_ALL: Final = (
    REQUESTS,
    WORKFLOWS,
    MULTIPART,
    FRAMING,
    CURSORS,
    TICKETS,
    CALLBACKS,
    PICTURES,
    INSTRUCTIONS,
    ENVELOPE,
    MESSAGES,
    SIGNATURES,
    MERKLE,
    CHECKPOINTS,
)
TARGETS: Final[Mapping[str, Target]] = {target.name: target for target in _ALL}


def shares(inputs: int, names: list[str]) -> Mapping[str, int]:
    """Divide a number of inputs among targets by their shares; at least as many in all."""
    whole = sum(TARGETS[name].share for name in names)
    return {name: -(-inputs * TARGETS[name].share // whole) for name in names}
