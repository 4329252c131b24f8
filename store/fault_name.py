"""What an error is called in logs and stored documents: enough to find its cause, and no value of anybody's data."""

import errno
from enum import StrEnum
from ssl import SSLError
from typing import Any, Final

from pydantic import ValidationError
from pymongo.errors import BulkWriteError, OperationFailure

VALIDATION: Final = 121
"""A validator of the collection refuses the document; its message has none of the document's fields."""


def fault_name(error: BaseException) -> str:
    """Name the class of an error, and what is certain to hold no data: a code, a status, the kinds of wrong fields.

    The message is left out: those of MongoDB, pydantic, HTTP libraries and Python itself can quote keys, inputs and
    addresses. It is kept of classes of the product that say `holds_no_data`: words of ours, ids and codes.
    """
    name = type(error).__name__
    if getattr(error, "holds_no_data", False):
        return f"{name}: {text}" if (text := str(error)) else name
    detail = _detail(error)
    return f"{name} {detail}" if detail else name


def _detail(error: BaseException) -> str | None:
    match error:
        case OperationFailure():
            code = _code(error)
            return f"{code}: Document failed validation" if code == VALIDATION else str(code or "")
        case ValidationError():
            return ", ".join(sorted({fault["type"] for fault in error.errors(include_url=False, include_input=False)}))
        case SSLError():  # its number is none of the system's
            return error.reason or None
        case OSError():
            return errno.errorcode.get(error.errno or 0)
        case _:
            return _status(error)


def _code(error: OperationFailure) -> int | None:
    """Return the code; of a bulk of writes that of the first one."""
    details: Any = error.details or {}
    if isinstance(error, BulkWriteError):
        faults = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
        return next((fault["code"] for fault in faults), None)
    return error.code


def _status(error: BaseException) -> str | None:
    """Return the status of an HTTP answer, or the code of an error that has one, as those of the product do."""
    for holder, name in ((error, "status"), (getattr(error, "response", None), "status_code"), (error, "code")):
        if isinstance(found := getattr(holder, name, None), int | StrEnum):
            return str(found)
    return None
