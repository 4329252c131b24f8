"""Sequences of requests in which the answers of some give the ids of the next ones.

The links between operations are inferred from the names in the OpenAPI document.
"""

from functools import cache
from typing import Any, Final

from hypothesis import settings
from hypothesis.stateful import get_state_machine_test
from schemathesis.generation.stateful import APIStateMachine

from tests.fuzz.service import Service
from tests.fuzz.target import Count, Target, Test
from tests.fuzz.targets.requests import EXCLUDED, role_of, schema_of, target_of, use_real

_STEPS: Final = 6


@cache
def _linked(base_url: str) -> type[APIStateMachine]:
    machine: type[APIStateMachine] = schema_of(base_url).as_state_machine()
    return machine


def make(service: Service, count: Count, options: settings) -> Test:
    class Workflow(_linked(service.api.base_url)):  # type: ignore[misc]  # a class made from the document
        def step(self, input: Any) -> Any:  # noqa: A002 - the name in the base class
            linked = input.transition.parameters.get("path_parameters", {}) if input.transition else {}
            use_real(service, input.case, [name for name in input.case.path_parameters if name not in linked])
            return super().step(input)

        def call(self, case: Any, **kwargs: Any) -> Any:
            count()
            with service.one_input():
                return case.call(**kwargs)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return target_of(service, role_of(case.operation.label))

        def validate_response(self, response: Any, case: Any, additional_checks: Any = None, **kwargs: Any) -> None:
            case.validate_response(
                response,
                additional_checks=additional_checks,
                excluded_checks=EXCLUDED,
                transport_kwargs=kwargs,
                recorder=self.recorder,
            )

        def teardown(self) -> None:
            service.restore()

    return get_state_machine_test(Workflow, settings=options)


WORKFLOWS: Final = Target("workflows", 10, make, steps=_STEPS)
