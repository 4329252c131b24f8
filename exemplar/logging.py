"""Logging as JSON lines, also for the libraries, with the context that is bound.

No line holds the message of an exception of a library, which may quote data: `fault_name` is what is logged of it.
"""

import json
import logging
import sys
import threading
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO

import structlog

_QUIET = ("pymongo", "httpx", "httpcore", "aiohttp.access", "mcp", "PIL")

Line = MutableMapping[str, Any]
ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None]

log = structlog.get_logger()


def configure_logging(service: str, *, level: int = logging.INFO, uncaught: bool = False) -> None:
    """Send every log line of this process to standard error as one JSON object.

    uncaught: also what ends the process or a thread, and what cannot be raised: Python itself would print the messages.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_traceback_of),
        _name_errors,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(service)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _, __, line: {"service": service, **line},
                structlog.processors.JSONRenderer(default=_written),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # The broker logs a lost connection once; pika would repeat it many times, with tracebacks.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if uncaught:
        _log_uncaught()


def _log_uncaught() -> None:
    sys.excepthook = lambda *info: log.critical("process_failed", exc_info=info)
    threading.excepthook = lambda failed: log.error("thread_failed", exc_info=failed.exc_value)
    sys.unraisablehook = lambda failed: log.error("exception_ignored", exc_info=failed.exc_value)


class _Handler(logging.StreamHandler[TextIO]):
    """Write lines to standard error; a line that cannot be written is named in another one."""

    def __init__(self, service: str) -> None:
        super().__init__(sys.stderr)
        self._service = service

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Name what kept a line from being written; Python itself would print what the line was made of."""
        line = {"event": "line_not_logged", "level": "error", "logger": record.name, "error": _named(sys.exc_info()[1])}
        with suppress(OSError, ValueError):  # the stream is closed
            self.stream.write(json.dumps({"service": self._service, **line}) + "\n")


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Format the lines of libraries as ours: without the messages of the exceptions that they mention."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, str):
            record = logging.makeLogRecord(record.__dict__)
            record.args = _named_arguments(record.args)
            if record.name == "asyncio":  # below its first line are the `repr` of tasks with their exceptions
                record.msg = record.msg.partition("\n")[0].partition("(")[0]
        return super().format(record)


def _named_arguments(arguments: Any) -> Any:
    match arguments:
        case tuple():
            return tuple(_named(one) for one in arguments)
        case Mapping():
            return {name: _named(one) for name, one in arguments.items()}
        case _:
            return arguments


def _name_errors(_logger: object, _method: str, line: Line) -> Line:
    """Name the errors of a line; one without a traceback tells where the first was raised."""
    errors = [value for value in line.values() if isinstance(value, BaseException)]
    where = _raised_at(errors[0]) if errors and "exception" not in line else None
    return {name: _named(value) for name, value in line.items()} | ({"raised_at": where} if where else {})


def _named(value: Any) -> Any:
    if not isinstance(value, BaseException):
        return value
    from store.fault_name import fault_name  # noqa: PLC0415 - it imports drivers, which few commands need

    return fault_name(value)


def _raised_at(error: BaseException) -> str | None:
    from exemplar.traceback_text import raised_at  # noqa: PLC0415 - as above

    return raised_at(error)


def _written(value: Any) -> str:
    """Write what is no JSON; an exception may be inside a list."""
    named = _named(value)
    return named if isinstance(named, str) else repr(named)


def _traceback_of(exc_info: ErrorInfo) -> str:
    from exemplar.traceback_text import traceback_text  # noqa: PLC0415 - as above

    return traceback_text(exc_info[1])
