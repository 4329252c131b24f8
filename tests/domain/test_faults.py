"""Faults: every refusal of a request, the first of which is raised."""

import pytest

from domain.errors import ExemplarError, invalid_field
from domain.faults import Faults


def refusal(name: str) -> ExemplarError:
    return invalid_field("body", name, "is wrong")


def refuse(name: str) -> None:
    raise refusal(name)


def test_without_a_fault_nothing_is_raised() -> None:
    faults = Faults()
    assert faults.check(lambda: 7) == 7
    faults.refuse()


def test_the_first_fault_names_the_others_in_their_order() -> None:
    faults = Faults()
    for name in ("a", "b", "c"):
        assert faults.check(refuse, name) is None
    with pytest.raises(ExemplarError) as raised:
        faults.refuse()
    assert [error.loc for error in (raised.value, *raised.value.others)] == [("body", name) for name in "abc"]


def test_the_faults_of_a_rule_with_several_keep_their_order() -> None:
    inner, outer = Faults(), Faults()
    inner.add(refusal("a"))
    inner.add(refusal("b"))
    outer.check(inner.refuse)
    outer.add(refusal("c"))
    with pytest.raises(ExemplarError) as raised:
        outer.refuse()
    assert [error.loc[-1] for error in (raised.value, *raised.value.others)] == ["a", "b", "c"]
    assert all(not error.others for error in raised.value.others)


def test_what_is_no_refusal_is_raised_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        Faults().check(lambda: 1 // 0)
