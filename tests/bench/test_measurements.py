from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import bench.__main__
from bench.http import Rate, request_bytes, submission
from bench.measurements.overload import best_window
from bench.options import Options
from bench.report import Row
from bench.servers import Servers

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_best_window_has_the_highest_rate() -> None:
    times = [NOON + timedelta(seconds=second) for second in (0, 5, 10, 11, 12, 13, 40)]
    assert best_window(times, timedelta(seconds=4)) == 1.0
    assert best_window([], timedelta(seconds=4)) == 0.0


def test_a_rate_counts_calls_and_orders_durations() -> None:
    rate = Rate(2.0, [0.001, 0.002, 0.003, 0.1])
    assert rate.per_second == 2.0
    assert rate.quantile_ms(0.5) == 3.0


def test_a_prepared_request_has_its_length() -> None:
    headers, body = submission([b"picture"], "{}")
    request = request_bytes("POST", "http://127.0.0.1:80/path?q=1", headers, body)
    assert request.startswith(b"POST /path?q=1 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
    assert f"Content-Length: {len(body)}\r\n\r\n".encode() in request


def test_a_failed_measurement_keeps_its_rows_and_those_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Servers, __: Options) -> Iterator[Row]:
        yield Row("first", 1.0, "1/s")
        raise TimeoutError("nothing moved")

    def works(_: Servers, __: Options) -> Iterator[Row]:
        yield Row("second", 2.0, "1/s")

    saved = tmp_path / "rows"
    monkeypatch.setattr(bench.__main__, "MEASUREMENTS", {"breaks": breaks, "works": works})
    monkeypatch.setattr(bench.__main__, "open_servers", lambda _: NoServers())
    monkeypatch.setattr("sys.argv", ["bench", "--save", str(saved)])

    with pytest.raises(SystemExit) as ended:
        bench.__main__.main()

    assert ended.value.code == 1
    assert [line.split('"')[3] for line in saved.read_text().splitlines()] == ["first", "breaks", "second"]
    assert "TimeoutError: nothing moved" in capsys.readouterr().out


class NoServers:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
