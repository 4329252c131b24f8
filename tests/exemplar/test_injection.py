import pytest

from exemplar.injection import Dependencies, UnknownDependencyError


class Store:
    def __init__(self, address: str) -> None:
        self.address = address


def test_a_factory_gets_what_its_parameters_name_and_is_called_once() -> None:
    dependencies = Dependencies({"store": Store}, address="here")
    assert dependencies.get("store").address == "here"
    assert dependencies.get("store") is dependencies.get("store")


def test_given_parameters_are_left_to_the_caller() -> None:
    def handle(event: str, *, clock: int, retries: int = 3) -> tuple[str, int, int]:
        return event, clock, retries

    assert Dependencies({}, clock=1).bind(handle, given=["event"])("e") == ("e", 1, 3)
    assert Dependencies({}, clock=1, retries=9).bind(handle, given=["event"])("e") == ("e", 1, 9)


def test_an_unknown_name_says_who_needs_it() -> None:
    def handle(*, clok: int) -> int:
        return clok

    with pytest.raises(UnknownDependencyError, match=r"test_injection.*handle needs `clok`"):
        Dependencies({}, clock=1).bind(handle)


def test_a_cycle_is_reported_in_order() -> None:
    dependencies = Dependencies({"hen": lambda egg: egg, "egg": lambda hen: hen})
    with pytest.raises(UnknownDependencyError, match="hen -> egg -> hen"):
        dependencies.get("hen")
