"""The variable that arms a crash point stops every process that serves others or pays."""

from collections.abc import Mapping

import pytest

from exemplar.crash_settings import arm_crash_point
from exemplar.environment import ConfigurationError
from exemplar.processes import read_settings
from exemplar.settings import PROCESS_SETTINGS
from store.crash_points import CrashPoint
from tests.exemplar.test_configuration_errors import RIGHT

ON_THIS_MACHINE = {
    **RIGHT,
    "REPLICATE_BASE_URL": "http://127.0.0.1:1",
    "EXEMPLAR_PUBLIC_URL": "http://localhost:8000",
    "EXEMPLAR_CRASH_POINT": "validation:begin",
}
REFUSED: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "a provider's token": ("worker", {"REPLICATE_BASE_URL": ""}, "refused"),
    "a provider elsewhere": ("scheduler", {"REPLICATE_BASE_URL": "http://sandbox:8100"}, "refused"),
    "a provider that looks local": ("worker", {"REPLICATE_BASE_URL": "https://127.0.0.1@a.example"}, "refused"),
    "a public URL": ("worker", {"EXEMPLAR_PUBLIC_URL": "https://pictures.example"}, "refused"),
    "a public URL of the gateway": ("gateway", {"EXEMPLAR_PUBLIC_URL": "https://pictures.example"}, "refused"),
    "a gateway that others reach": ("solo", {"EXEMPLAR_HOST": "192.0.2.1"}, "refused"),
    "an unknown point": ("worker", {"EXEMPLAR_CRASH_POINT": "validation:teatime"}, "before_ack"),
    "an unknown role": ("worker", {"EXEMPLAR_CRASH_POINT": "teapot:begin"}, "teapot"),
    "no count": ("worker", {"EXEMPLAR_CRASH_POINT": "validation:begin:0"}, "EXEMPLAR_CRASH_POINT"),
}


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What is armed is listed here, and kills nobody."""
    armed: list[tuple[str, str, int]] = []
    monkeypatch.setattr(CrashPoint, "arm", lambda _, role, point, *, after: armed.append((role, point, after)))
    return armed


@pytest.mark.parametrize(("process", "environ", "named"), REFUSED.values(), ids=REFUSED)
def test_a_process_that_others_depend_on_refuses_crash_points(
    process: str,
    environ: Mapping[str, str],
    named: str,
    armed: list[tuple[str, str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**ON_THIS_MACHINE, **environ}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=r"^EXEMPLAR_CRASH_POINT ") as refused:
        arm_crash_point(read_settings(process))
    assert named in str(refused.value)
    assert armed == []


@pytest.mark.parametrize("process", PROCESS_SETTINGS)
def test_a_process_with_everything_on_this_machine_is_armed(
    process: str, armed: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ON_THIS_MACHINE, "EXEMPLAR_CRASH_POINT": "invocation:after_append:3"}.items():
        monkeypatch.setenv(name, value)
    arm_crash_point(read_settings(process))
    assert armed == [("invocation", "after_append", 2)]


def test_nothing_is_armed_without_the_variable(
    armed: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    arm_crash_point(read_settings("gateway"))
    assert armed == []
