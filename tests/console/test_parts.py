"""What parts of the console decide without a browser, in Node."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from gateway.console.files import STATIC
from tests.conftest import missing

HEAD = f"""
const at = (path) => import("{STATIC.as_uri()}/" + path);
const {{ faultsOf, sentenceOf }} = await at("parts/faults.js");
const {{ adviceOf, instructionsOf, lengthOf, wrongFurther }} = await at("parts/instructions.js");
const {{ columnsOf, target }} = await at("parts/grid-keys.js");
const {{ expectation }} = await at("parts/expectation.js");
const {{ seconds }} = await at("format.js");
"""


def shown(expression: str) -> Any:
    """Return the value of an expression in JavaScript."""
    if shutil.which("node") is None:
        missing("no Node: apt install nodejs")
    program = f"{HEAD} console.log(JSON.stringify({expression}));"
    command = ["node", "--input-type=module", "--eval", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    given = '{prompt: "a city", style: "", values: {}, more}'
    return dict(
        shown(f"""(() => {{
          const refusal = {{ body: {{ errors: [
            {{ loc: ["body", "example_images", 1], code: "invalid_image_format", msg: "Invalid file format" }},
            {{ loc: ["body", "example_images", 2], code: "image_dimensions_exceeded", msg: "Too many pixels" }},
            {{ loc: ["query", "event"], code: "invalid_request", msg: "String should match pattern '^x$'" }},
          ] }} }};
          const of = (more) => ({given});
          const generation = {{ queue: {{ estimated_completion: "2026-11-28T12:00:30Z" }} }};
          return {{
            sentences: faultsOf(refusal).map(sentenceOf),
            twice: wrongFurther(of('{{"prompt": "another"}}')),
            refused: instructionsOf(of('{{"prompt": "another"}}')),
            sent: instructionsOf(of('{{"mood": "calm"}}')),
            broken: lengthOf(of('{{')),
            counted: lengthOf(of("")).text,
            short: adviceOf(of("")),
            long: adviceOf(of(JSON.stringify({{ mood: "calm ".repeat(75) }}))),
            columns: columnsOf([10, 10, 10, 200, 200]),
            keys: ["ArrowRight", "ArrowDown", "ArrowUp", "End", "Home", "a"].map((key) => target(key, 1, 5, 3)),
            soon: expectation(generation, Date.parse("2026-11-28T12:00:00.5Z")),
            late: expectation(generation, Date.parse("2026-11-28T12:01:00Z")),
            wait: [seconds(4200), seconds(90_000)],
          }};
        }})()""")
    )


def test_each_fault_names_its_picture_from_1_and_its_own_remedy(found: dict[str, Any]) -> None:
    first, second, third = found["sentences"]
    assert first.startswith("Picture 2: Invalid file format. ")
    assert "JPEG, PNG or WebP" in first
    assert second.startswith("Picture 3: Too many pixels. ")
    assert "8192" in second
    assert third == "ID of the event: has not the expected form"


def test_a_further_key_that_has_a_field_is_refused_before_sending(found: dict[str, Any]) -> None:
    assert "“prompt”" in found["twice"]
    assert found["refused"] is None
    assert json.loads(found["sent"]) == {"prompt": "a city", "mood": "calm"}


def test_the_length_counts_the_json_and_nothing_else(found: dict[str, Any]) -> None:
    assert found["counted"].startswith("19 of 1,000 characters")
    assert found["broken"] == {
        "text": "The length cannot be counted until the further keys are right.",
        "isWrong": True,
    }


def test_a_prompt_of_more_tokens_than_the_model_reads_is_told(found: dict[str, Any]) -> None:
    assert found["short"] == ""
    assert "75 tokens" in found["long"]


def test_arrow_keys_move_by_card_and_row(found: dict[str, Any]) -> None:
    assert found["columns"] == 3
    assert found["keys"] == [2, 4, None, 4, 0, None]


def test_the_expected_end_is_told_in_whole_seconds(found: dict[str, Any]) -> None:
    assert found["soon"].endswith("in about 30 s.")
    assert found["late"] == "It takes longer than expected."
    assert found["wait"] == ["5 s", "1 min 30 s"]
