from pathlib import Path

import pytest

from bench.options import QUICK, Options, parse_options

NAMES = ["submit", "status"]


def test_without_arguments_everything_runs_at_full_length() -> None:
    assert parse_options([], NAMES, "about") == Options()


def test_measurements_are_chosen_by_name() -> None:
    assert parse_options(["--only", "submit,status"], NAMES, "about").only == ("submit", "status")
    assert parse_options(["--only", ""], NAMES, "about").only == ()


def test_an_unknown_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--only", "submit,nothing"], NAMES, "about")
    assert "no measurement: nothing" in capsys.readouterr().err


def test_quick_shortens_everything_and_other_options_change_it() -> None:
    assert parse_options(["--quick"], NAMES, "about") == QUICK
    given = parse_options(["--quick", "--repeats", "5", "--save", "rows", "--json"], NAMES, "about")
    assert (given.repeats, given.seconds) == (5, QUICK.seconds)
    assert (given.save, given.as_json) == (Path("rows"), True)
