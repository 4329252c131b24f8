"""Words in a prompt ask the sandbox for a fault."""

import pytest

from sandbox.faults import NO_FAULTS, ArmedFaults, Faults, faults_in


@pytest.mark.parametrize(
    ("prompt", "faults"),
    [
        ("a lighthouse", NO_FAULTS),
        ("a [sandbox:fail] lighthouse", Faults(outcome="failed")),
        ("[sandbox:nsfw]", Faults(outcome="nsfw")),
        ("[sandbox:slow=5] a lighthouse", Faults(latency_s=5)),
        ("[sandbox:slow=2][sandbox:fail]", Faults(latency_s=2, outcome="failed")),
        ("[sandbox:fail] or [sandbox:nsfw]", Faults(outcome="nsfw")),
        ("[sandbox:slow=99999] [sandbox:slow=-1] [sandbox:other] [Sandbox:fail]", NO_FAULTS),
    ],
)
def test_a_prompt_names_faults(prompt: str, faults: Faults) -> None:
    assert faults_in(prompt) == faults


def test_armed_faults_come_first() -> None:
    armed = ArmedFaults()
    armed.arm([Faults(create="500", times=1)])
    assert armed.take("[sandbox:fail]").create == "500"
    assert armed.take("[sandbox:fail]").outcome == "failed"
