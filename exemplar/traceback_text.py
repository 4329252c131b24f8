"""Where an exception was raised, without its message: that may quote what a client or a tenant wrote."""

import traceback
from collections.abc import Iterator
from typing import Final

from store.fault_name import fault_name

_PRODUCT: Final = {"actors", "domain", "events", "exemplar", "gateway", "metrics", "rabbitmq", "sandbox", "store"}
_MOST_CAUSES: Final = 10  # an error can be its own
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def traceback_text(error: BaseException) -> str:
    """Write the frames and the `fault_name` of an exception, of those that led to it, and of those in a group."""
    return "\n\n".join(_parts(error, set()))


def raised_at(error: BaseException) -> str | None:
    """Name the module and the line of the product that raised the first cause of an error, or called what did."""
    for _ in range(_MOST_CAUSES):
        error = error.__cause__ or error
    where, step = None, error.__traceback__
    while step is not None:
        module = str(step.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] in _PRODUCT:
            where = f"{module}:{step.tb_lineno}"
        step = step.tb_next
    return where


def _parts(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _parts(before, seen)
        yield _CAUSE if before is error.__cause__ else _CONTEXT
    frames = "".join(traceback.format_tb(error.__traceback__))
    yield f"Traceback (most recent call last):\n{frames}{fault_name(error)}"
    if isinstance(error, BaseExceptionGroup):
        for number, one in enumerate(error.exceptions, start=1):
            yield f"{number} of the group:"
            yield from _parts(one, seen)
