from typing import Protocol

import pytest
from pydantic_settings import BaseSettings

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


class StoreSettings(BaseSettings):
    address: str = "here"


class Reader(Protocol):
    def read(self) -> str: ...


def test_a_parameter_with_the_name_of_its_class_is_made_of_it() -> None:
    def handle(*, store: Store) -> str:
        return store.address

    assert Dependencies({}, address="here").call(handle) == "here"
    assert Dependencies({}, store=Store("given")).call(handle) == "given"


def test_settings_protocols_and_other_names_are_not_made() -> None:
    def settings(*, store_settings: StoreSettings) -> None: ...
    def protocol(*, reader: Reader) -> None: ...
    def other(*, shop: Store) -> None: ...

    for function in (settings, protocol, other):
        with pytest.raises(UnknownDependencyError, match="which the wiring does not provide"):
            Dependencies({}, address="here").call(function)
