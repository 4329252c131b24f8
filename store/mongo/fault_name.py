"""What an error of MongoDB is called where operators look for its cause."""

from typing import Any, Final

from pymongo.errors import BulkWriteError, OperationFailure

VALIDATION: Final = 121
"""A validator of the collection refuses the document; its message has none of the document's fields."""


def fault_name(error: BaseException) -> str:
    """Name the class of an error; of one of MongoDB's its code too, and a message only where that has no data in it.

    The messages of other codes, and the details of all, can hold the values of a document.
    """
    name = type(error).__name__
    if not isinstance(error, OperationFailure):
        return name
    code = _code(error)
    if code == VALIDATION:
        return f"{name} {code}: Document failed validation"
    return name if code is None else f"{name} {code}"


def _code(error: OperationFailure) -> int | None:
    """Return the code; of a bulk of writes that of the first one."""
    details: Any = error.details or {}
    if isinstance(error, BulkWriteError):
        faults = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
        return next((fault["code"] for fault in faults), None)
    return error.code
