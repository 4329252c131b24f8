"""What the routes of erasures answer."""

from typing_extensions import TypedDict

from gateway.openapi.values import Uuid
from store.erasures.erasures import ErasureKind, ErasureState


class ErasureProgress(TypedDict):
    """How far something is erased; the counts are what it has left, `running` those that are not final."""

    kind: ErasureKind
    id: Uuid
    state: ErasureState
    generations: int
    running: int
    users: int
    endpoints: int
