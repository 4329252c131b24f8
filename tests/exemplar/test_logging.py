"""No log line holds what an exception quotes: keys of documents, inputs, addresses with tokens."""

import asyncio
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import aiohttp
import httpx
import pytest
import structlog
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import BaseModel
from pymongo import InsertOne, MongoClient
from yarl import URL

from actors.providers.provider import ProviderUnavailableError
from domain.errors import ErrorCode, FieldError
from events.envelope import parse_time
from exemplar.logging import configure_logging
from store.errors import AlreadyExistsError, WrongExpectedVersionError
from store.fault_name import fault_name
from tests.rabbitmq.actors import actors_of
from tests.rabbitmq.commits import Commits

SECRET = "ada@example.com"
ADDRESS = f"https://bucket.example/picture.png?X-Amz-Signature={SECRET}"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Log as a process does; return what was logged, once it is known that it does not contain SECRET."""
    root, before, hook = logging.getLogger(), structlog.get_config(), sys.excepthook
    handlers, level = [*root.handlers], root.level

    written = io.StringIO()

    def logged() -> list[dict[str, Any]]:
        text = written.getvalue()
        assert SECRET not in text
        return [json.loads(line) for line in text.splitlines()]

    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    configure_logging("test", uncaught=True)
    structlog.configure(cache_logger_on_first_use=False)  # other tests use the same loggers
    yield logged
    structlog.configure(**before)
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)


class Person(BaseModel):
    age: int


def duplicate(url: str) -> None:
    with MongoClient[dict[str, Any]](url) as client:
        client.get_default_database().people.insert_many([{"_id": SECRET}] * 2)


def duplicate_in_bulk(url: str) -> None:
    with MongoClient[dict[str, Any]](url) as client:
        client.get_default_database().people.bulk_write([InsertOne({"_id": SECRET})] * 2)


def refused_query(url: str) -> None:
    with MongoClient[dict[str, Any]](url) as client:
        list(client.get_default_database().people.find({"$" + SECRET: 1}))


def answered_403(_: str) -> NoReturn:
    about = aiohttp.RequestInfo(URL(ADDRESS), "GET", CIMultiDictProxy(CIMultiDict()), URL(ADDRESS))
    raise aiohttp.ClientResponseError(about, (), status=403, message="Forbidden")


def grouped(_: str) -> NoReturn:
    raise ExceptionGroup(SECRET, [KeyError(SECRET), ExceptionGroup("", [ValueError(SECRET)])])


RAISED: list[tuple[Callable[[str], object], str]] = [
    (duplicate, "BulkWriteError 11000"),
    (duplicate_in_bulk, "BulkWriteError 11000"),
    (refused_query, "OperationFailure 2"),
    (lambda _: Person(age=SECRET), "ValidationError int_parsing"),
    (answered_403, "ClientResponseError 403"),
    (lambda _: httpx.Response(403, request=httpx.Request("GET", ADDRESS)).raise_for_status(), "HTTPStatusError 403"),
    (lambda _: httpx.get(f"unknown://{SECRET}"), "UnsupportedProtocol"),
    (lambda _: aiohttp.helpers.BasicAuth.decode(SECRET), "ValueError"),
    (lambda _: {"": 0}[SECRET], "KeyError"),
    (lambda _: int(SECRET), "ValueError"),
    (lambda _: open(f"/{SECRET}"), "FileNotFoundError ENOENT"),  # noqa: SIM115, PTH123 - there is none
    (grouped, "ExceptionGroup"),
]


@pytest.mark.parametrize(("raising", "name"), RAISED)
def test_an_error_of_a_library_is_logged_by_its_name(
    raising: Callable[[str], object], name: str, lines: Lines, mongodb_url: str
) -> None:
    log = structlog.get_logger("test")
    try:
        raising(mongodb_url)
    except Exception as error:
        log.exception("failed", error=error)
        logging.getLogger("library").exception("failed: %s", error)  # noqa: TRY401 - as libraries do
        logging.getLogger("library").warning("failed: %(error)s", {"error": error})
        sys.excepthook(type(error), error, error.__traceback__)
    first, second, third, last = lines()
    assert first["error"] == name
    assert [one["event"] for one in (second, third, last)] == [f"failed: {name}", f"failed: {name}", "process_failed"]
    for one in (first, second, last):
        assert name in one["exception"]
        assert 'test_logging.py", line ' in one["exception"], "the frames are kept"


def test_a_line_that_cannot_be_written_is_named(lines: Lines) -> None:
    [handler] = [one for one in logging.getLogger().handlers if type(one).__module__ == "exemplar.logging"]
    handler.handle(logging.makeLogRecord({"name": "library", "msg": "%d", "args": (SECRET,)}))
    [line] = lines()
    assert (line["event"], line["logger"], line["error"]) == ("line_not_logged", "library", "TypeError")


def test_what_led_to_an_error_is_named_too(lines: Lines) -> None:
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError:
        structlog.get_logger("test").exception("failed")
    [line] = lines()
    first, second = line["exception"].split("\n\nThe above exception was the direct cause of the following exception:")
    assert first.endswith("\nValueError")
    assert second.endswith("\nRuntimeError")


def test_a_line_without_a_traceback_tells_where_its_first_cause_was_raised(lines: Lines) -> None:
    try:
        parsed_time(SECRET)
    except RuntimeError as error:
        structlog.get_logger("test").warning("failed", reason=error)
    [line] = lines()
    assert line.keys() - {"service", "event", "level", "logger", "timestamp"} == {"reason", "raised_at"}
    assert line["reason"] == "RuntimeError"
    assert re.fullmatch(r"events\.envelope:\d+", line["raised_at"]), line


def parsed_time(text: str) -> None:
    try:
        parse_time(text)
    except ValueError as error:
        raise RuntimeError(text) from error


def test_errors_inside_other_values_are_named_too(lines: Lines) -> None:
    structlog.get_logger("test").warning("failed", errors=[KeyError(SECRET)], by_name={"a": (int, ValueError(SECRET))})
    [line] = lines()
    assert (line["errors"], line["by_name"]) == (["KeyError"], {"a": ["<class 'int'>", "ValueError"]})


class Unclosable:
    def __del__(self) -> None:
        raise ValueError(SECRET)


def test_what_python_would_print_of_threads_and_ends_of_objects_is_named(lines: Lines) -> None:
    thread = threading.Thread(target=int, args=[SECRET])
    thread.start()
    thread.join()
    Unclosable()
    failed, ignored = lines()
    assert (failed["event"], failed["exception"].splitlines()[-1]) == ("thread_failed", "ValueError")
    assert (ignored["event"], ignored["exception"].splitlines()[-1]) == ("exception_ignored", "ValueError")


async def test_a_task_whose_error_nobody_takes_is_logged_without_its_message(lines: Lines) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": ValueError(SECRET), "task": fail}
    )
    asyncio.get_running_loop().call_soon(int, SECRET)
    await asyncio.sleep(0.01)
    assert [line["event"] for line in lines()] == ["Task exception was never retrieved", "Exception in callback int"]


async def test_an_actor_that_meets_a_duplicate_key_logs_its_code(lines: Lines, mongodb_url: str) -> None:
    async def handle(_: object) -> None:
        with MongoClient[dict[str, Any]](mongodb_url) as client:
            for _ in range(2):
                client.get_default_database().people.insert_one({"_id": SECRET})

    with pytest.raises(Exception, match=SECRET):
        await actors_of({"validation": handle})("validation", Commits().progressed().events[0])
    [line] = [line for line in lines() if line["event"] == "handler_failed"]
    assert line["exception"].endswith("DuplicateKeyError 11000")


def test_errors_of_the_product_say_what_they_say_without_data() -> None:
    named = [
        fault_name(error)
        for error in (
            ProviderUnavailableError("list answered 500"),
            WrongExpectedVersionError("generation-g1", 3),
            AlreadyExistsError(SECRET),
            FieldError(ErrorCode.INVALID_REQUEST, ("body", "email"), f"{SECRET} is no address", "value_error"),
        )
    ]
    assert named == [
        "ProviderUnavailableError: list answered 500",
        "WrongExpectedVersionError: generation-g1 is not at version 3",
        "AlreadyExistsError",
        "FieldError invalid_request",
    ]
