import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.submission.instructions import Instructions, model_prompt, parse_instructions
from domain.submission.model_inputs import REFINERS, SCHEDULERS, Ceilings, rules

CEILINGS = Ceilings()


def parse(text: str, ceilings: Ceilings = CEILINGS) -> Instructions:
    return parse_instructions(text, ceilings=ceilings)


def with_key(key: str, value: object) -> str:
    return json.dumps({"prompt": "a city", key: value})


def refused(text: str, ceilings: Ceilings = CEILINGS) -> ExemplarError:
    with pytest.raises(ExemplarError) as caught:
        parse(text, ceilings)
    return caught.value


def refused_field(text: str, ceilings: Ceilings = CEILINGS) -> FieldError:
    error = refused(text, ceilings)
    assert isinstance(error, FieldError)
    return error


def of_length(characters: int, filler: str = "x") -> str:
    frame = '{"prompt": ""}'
    return frame[:-2] + filler * (characters - len(frame)) + frame[-2:]


def test_the_example_of_the_documentation_is_parsed() -> None:
    parsed = parse('{"prompt": "Create a room", "style": "scandinavian", "mood": "calm and serene"}')
    assert parsed == Instructions("Create a room", {}, (("style", "scandinavian"), ("mood", "calm and serene")), None)
    assert model_prompt(parsed) == "Create a room, style: scandinavian, mood: calm and serene"


def test_a_lone_prompt_is_sent_as_it_is() -> None:
    assert model_prompt(parse('{"prompt": "  Generate a sunset  "}')) == "Generate a sunset"


@pytest.mark.parametrize("text", ["", of_length(1001), of_length(1001, "é"), of_length(1001, "🌆"), "x" * 5000])
def test_the_length_is_checked_before_the_text_is_parsed(text: str) -> None:
    error = refused(text)
    assert (error.code, isinstance(error, FieldError)) == (ErrorCode.INSTRUCTIONS_LENGTH, False)


@pytest.mark.parametrize("filler", ["x", "é", "東", "🌆", "\u202e"])
def test_a_thousand_characters_of_any_script_are_accepted(filler: str) -> None:
    text = of_length(1000, filler)
    assert parse(text).prompt == filler * (1000 - 14)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        " ",
        "\t\n",
        "a city",
        "{",
        "}",
        "{]",
        '{"prompt"}',
        '{"prompt": }',
        '{"prompt": "a"',
        '{"prompt": "a}',
        '{"prompt": "a",}',
        "{'prompt': 'a'}",
        "{prompt: 'a'}",
        '{"prompt": "a"} x',
        '{"prompt": "a"}{"prompt": "b"}',
        '\ufeff{"prompt": "a"}',
        '{"prompt": "a" /* why */}',
        '{"prompt": "a\nb"}',
        '{"prompt": "a\0b"}',
        '{"prompt": "\\x41"}',
        '{"prompt": "\\u12"}',
        '{"prompt": "a", "n": NaN}',
        '{"prompt": "a", "n": Infinity}',
        '{"prompt": "a", "n": -Infinity}',
        '{"prompt": "a", "n": 1e999}',
        '{"prompt": "a", "n": -1e999}',
        '{"prompt": "a", "n": 01}',
        '{"prompt": "a", "n": 0x10}',
        '{"prompt": "a", "n": ' + "9" * 400 + "}",
        '{"prompt": "a", "b": True}',
        "NaN",
        '"unterminated ' + '\\"' * 400,
        '{"a":' * 16,
    ],
)
def test_invalid_json_is_refused(text: str) -> None:
    error = refused_field(text)
    assert (error.code, error.loc) == (ErrorCode.INSTRUCTIONS_JSON, ("body", "instructions"))
    assert (error.msg, error.kind) == ("Invalid JSON format", "value_error.json")


@pytest.mark.parametrize("text", ["[]", '["prompt"]', '"prompt"', "1", "1.5", "true", "null", '[{"prompt": "a"}]'])
def test_json_without_an_object_is_refused(text: str) -> None:
    error = refused_field(text)
    assert (error.code, error.loc) == (ErrorCode.INSTRUCTIONS_TYPE, ("body", "instructions"))
    assert (error.msg, error.kind) == ("Instructions must be a JSON object", "type_error.dict")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{}", "value_error.missing"),
        ('{"Prompt": "a"}', "value_error.missing"),
        ('{"style": "a"}', "value_error.missing"),
        ('{"prompt": null}', "value_error.missing"),
        ('{"prompt": ""}', "value_error.any_str.min_length"),
        ('{"prompt": "  \\t\\n "}', "value_error.any_str.min_length"),
        ('{"prompt": "\\u00a0\\u3000"}', "value_error.any_str.min_length"),
        ('{"prompt": 1}', "type_error.str"),
        ('{"prompt": true}', "type_error.str"),
        ('{"prompt": ["a"]}', "type_error.str"),
        ('{"prompt": {"text": "a"}}', "type_error.str"),
    ],
)
def test_a_missing_blank_or_non_text_prompt_is_refused(text: str, kind: str) -> None:
    error = refused_field(text)
    assert (error.code, error.kind) == (ErrorCode.INSTRUCTIONS_PROMPT, kind)
    assert error.loc == ("body", "instructions", "prompt")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 17 + "]" * 17,
        "[" * 900,
        "{" * 900,
        '{"a":' * 150,
        '{"prompt": "a", "deep": ' + "[" * 400 + "]" * 400 + "}",
        '{"prompt": "a", "prompt": "b"}',
        '{"prompt": "a", "style": "b", "style": "b"}',
        '{"prompt": "a", "style": {"x": 1, "x": 2}}',
        '{"prompt": "a", "\\u0070rompt": "b"}',
        '{"prompt": "\\ud800"}',
        '{"prompt": "\\udc00\\ud800"}',
        '{"prompt": "a", "\\ud83c": "b"}',
        '{"prompt": "a", "b": ["\\udfff"]}',
        '{"prompt": "a\\u0000b"}',
        '{"prompt": "a", "b\\u0000": 1}',
    ],
)
def test_ambiguous_or_unstorable_json_is_refused(text: str) -> None:
    error = refused_field(text)
    assert (error.code, error.loc) == (ErrorCode.INSTRUCTIONS_VALUE, ("body", "instructions"))


@pytest.mark.parametrize(
    "prompt",
    [
        'quote " here',
        "back\\slash",
        "[[[[[[[[[[[[[[[[[[[[",
        "{" * 50,
        "\u202eright to left",
        "🌆",
        "a\tb",
        "\\u0000",
    ],
)
def test_a_prompt_may_contain_any_text(prompt: str) -> None:
    assert parse(json.dumps({"prompt": prompt})).prompt == prompt


@pytest.mark.parametrize(
    "key",
    [
        "image",
        "mask",
        "disable_safety_checker",
        "replicate_weights",
        "version",
        "webhook",
        "webhook_events_filter",
        "webhook_completed",
        "IMAGE",
        " Disable_Safety_Checker ",
        "Webhook",
    ],
)
@pytest.mark.parametrize("value", ["https://example.com/x", True, {"a": 1}])
def test_an_ignored_key_has_no_effect(key: str, value: object) -> None:
    assert parse(with_key(key, value)) == Instructions("a city", {}, (), None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("negative_prompt", "blurry"),
        ("negative_prompt", ""),
        ("width", 8),
        ("width", 1024),
        ("height", 2048),
        ("num_outputs", 1),
        ("num_inference_steps", 1),
        ("num_inference_steps", 50),
        ("guidance_scale", 1),
        ("guidance_scale", 50),
        ("guidance_scale", 7.5),
        ("prompt_strength", 0),
        ("prompt_strength", 1.0),
        ("seed", 0),
        ("seed", 2**32 - 1),
        ("high_noise_frac", 0.8),
        ("refine_steps", 10),
        ("apply_watermark", False),
        ("lora_scale", 0.6),
        *(("scheduler", name) for name in SCHEDULERS),
        *(("refine", name) for name in REFINERS),
    ],
)
def test_a_model_input_within_its_range_is_passed_on(key: str, value: object) -> None:
    parsed = parse(with_key(key, value))
    assert (parsed.parameters, parsed.modifiers) == ({key: value}, ())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("negative_prompt", 1, "str type expected"),
        ("width", 0, "greater than or equal to 8"),
        ("width", 1023, "multiple of 8"),
        ("width", 2056, "less than or equal to 2048"),
        ("height", "1024", "not a valid integer"),
        ("num_outputs", 0, "greater than or equal to 1"),
        ("num_outputs", 2, "less than or equal to 1"),
        ("num_inference_steps", 0, "greater than or equal to 1"),
        ("num_inference_steps", 51, "less than or equal to 50"),
        ("num_inference_steps", 10.5, "not a valid integer"),
        ("num_inference_steps", True, "not a valid integer"),
        ("num_inference_steps", "30", "not a valid integer"),
        ("guidance_scale", 0.99, "greater than or equal to 1"),
        ("guidance_scale", 50.1, "less than or equal to 50"),
        ("guidance_scale", True, "not a valid float"),
        ("guidance_scale", [7], "not a valid float"),
        ("prompt_strength", -0.1, "greater than or equal to 0"),
        ("prompt_strength", 1.1, "less than or equal to 1"),
        ("seed", -1, "greater than or equal to 0"),
        ("seed", 2**32, "less than or equal to 4294967295"),
        ("seed", 10**300, "less than or equal to 4294967295"),
        ("high_noise_frac", 2, "less than or equal to 1"),
        ("refine_steps", 51, "less than or equal to 50"),
        ("apply_watermark", "yes", "boolean"),
        ("apply_watermark", 1, "boolean"),
        ("lora_scale", -1, "greater than or equal to 0"),
        ("scheduler", "k_euler", "permitted: 'DDIM'"),
        ("scheduler", 1, "permitted: 'DDIM'"),
        ("refine", "yes", "permitted: 'no_refiner'"),
        ("composition", "collage", "permitted: 'blend', 'grid', 'first'"),
        ("composition", ["grid"], "permitted: 'blend', 'grid', 'first'"),
    ],
)
def test_a_model_input_out_of_range_is_refused_with_the_bound(key: str, value: object, said: str) -> None:
    error = refused_field(with_key(key, value))
    assert (error.code, error.loc) == (ErrorCode.INSTRUCTIONS_VALUE, ("body", "instructions", key))
    assert said in error.msg


def test_an_operator_may_raise_the_ceilings_up_to_the_models_own() -> None:
    raised = Ceilings(outputs=9, steps=900)
    text = '{"prompt": "a", "num_outputs": 4, "num_inference_steps": 500}'
    assert parse(text, raised).parameters == {"num_outputs": 4, "num_inference_steps": 500}
    assert "equal to 4" in refused_field(with_key("num_outputs", 5), raised).msg
    assert "equal to 500" in refused_field(with_key("num_inference_steps", 501), raised).msg


def test_a_whole_number_with_a_decimal_point_is_an_integer() -> None:
    steps = parse(with_key("num_inference_steps", 30.0)).parameters["num_inference_steps"]
    assert (steps, type(steps)) == (30, int)


@pytest.mark.parametrize("way", ["blend", "grid", "first"])
def test_the_composition_is_neither_input_nor_prompt(way: str) -> None:
    assert parse(with_key("composition", way)) == Instructions("a city", {}, (), way)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["style", "seed", "composition", "scheduler", "negative_prompt"])
def test_null_is_the_same_as_an_absent_key(key: str) -> None:
    assert parse(with_key(key, None)) == Instructions("a city", {}, (), None)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("free text, with commas", "free text, with commas"),
        (3, "3"),
        (2.5, "2.5"),
        (True, "yes"),
        (False, "no"),
        (["red", "blue"], "red, blue"),
        ({"sky": "red", "sea": ["calm", "wide"]}, "(sky: red, sea: calm, wide)"),
        ([{"a": 1}, None, ""], "(a: 1)"),
    ],
)
def test_any_other_value_becomes_text_of_the_prompt(value: object, said: str) -> None:
    assert model_prompt(parse(with_key("style", value))) == f"a city, style: {said}"


@pytest.mark.parametrize("value", ["", "  ", [], {}, [None, ""], {"a": None}])
def test_an_empty_value_is_omitted(value: object) -> None:
    assert model_prompt(parse(with_key("style", value))) == "a city"


def test_other_keys_keep_the_order_received() -> None:
    parsed = parse('{"z": "1", "prompt": "p", "seed": 4, "a": "2", "m": "3"}')
    assert model_prompt(parsed) == "p, z: 1, a: 2, m: 3"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.text(max_size=1100))
@example("[" * 1000)
@example('{"prompt":"a"}')
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except ExemplarError:
        return
    assert parsed.prompt.strip()


@given(st.dictionaries(st.text(max_size=12), json_values, max_size=6), st.text(min_size=1))
def test_only_known_inputs_within_their_ranges_are_passed_on(members: dict[str, object], prompt: str) -> None:
    text = json.dumps({**members, "prompt": prompt})
    try:
        parsed = parse(text)
    except ExemplarError:
        return
    assert parsed.parameters.keys() <= rules(CEILINGS).keys()
    assert model_prompt(parsed).startswith(prompt.strip())
    assert "\0" not in model_prompt(parsed)
    model_prompt(parsed).encode()


@given(st.sampled_from(sorted(rules(CEILINGS))), json_values)
def test_every_value_of_an_input_is_checked(key: str, value: object) -> None:
    try:
        parsed = parse(with_key(key, value))
    except ExemplarError:
        return
    for number in parsed.parameters.values():
        assert not isinstance(number, float | int) or (0 <= number <= 2**32 and math.isfinite(number))
