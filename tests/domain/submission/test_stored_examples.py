import pytest

from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation
from domain.submission.stored_examples import (
    FROM_EXAMPLE,
    FROM_GENERATION,
    Reference,
    own_picture,
    parse_reference,
)
from events.generation import Owner
from events.owner import GenerationErased
from tests.builders.generation import COMPLETED, VALIDATED, folded, intended, requested, settled, started

ID = "3f0c6a1e-0000-4000-8000-00000000000a"
RUN = (VALIDATED, intended(), started(), settled(), COMPLETED)
OWNER = Owner(developer="dev-1", project="prj-1", user="usr-1")


@pytest.mark.parametrize(("text", "number"), [(ID, 0), (f"{ID}/0", 0), (f" {ID}/12\n", 12), (ID.upper() + "/3", 3)])
def test_a_reference_is_an_id_and_perhaps_a_number(text: str, number: int) -> None:
    assert parse_reference(FROM_EXAMPLE, text) == Reference(ID, number)


@pytest.mark.parametrize(
    "text", ["latest", f"{ID}/", f"{ID}/-1", f"{ID}/100", f"{ID}/0/1", f"/{ID}", ID[:-1], "\u0661"]
)
def test_anything_else_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(ExemplarError) as refused:
        parse_reference(FROM_EXAMPLE, text)
    assert refused.value.loc == ("body", FROM_EXAMPLE)


def chosen(generation: Generation | None, field: str, number: int = 0, user: str = "usr-1") -> object:
    reference = Reference(ID, number)
    return own_picture(field, reference, generation, developer="dev-1", user=user)


def test_results_and_examples_are_told_apart_by_the_field() -> None:
    generation = folded([requested(owner=OWNER), *RUN])
    assert chosen(generation, FROM_GENERATION) == generation.pictures[0]
    assert chosen(generation, FROM_EXAMPLE) == generation.request.examples[0]
    assert chosen(folded([requested(owner=OWNER)]), FROM_EXAMPLE) == generation.request.examples[0]


def test_what_is_not_there_is_refused_and_a_foreign_picture_looks_the_same() -> None:
    done = folded([requested(owner=OWNER), *RUN])
    other = folded([requested(owner=OWNER.model_copy(update={"developer": "dev-2"})), *RUN])
    erased = folded([requested(owner=OWNER), *RUN, GenerationErased()])
    running = folded([requested(owner=OWNER)])
    for generation, field, number, user, code in (
        (None, FROM_GENERATION, 0, "usr-1", ErrorCode.NOT_FOUND),
        (done, FROM_GENERATION, 0, "usr-2", ErrorCode.NOT_FOUND),
        (other, FROM_GENERATION, 0, "usr-1", ErrorCode.NOT_FOUND),
        (done, FROM_GENERATION, 9, "usr-1", ErrorCode.NOT_FOUND),
        (done, FROM_EXAMPLE, 9, "usr-1", ErrorCode.NOT_FOUND),
        (erased, FROM_EXAMPLE, 0, "usr-1", ErrorCode.GONE),
        (erased, FROM_EXAMPLE, 0, "usr-2", ErrorCode.NOT_FOUND),
        (running, FROM_GENERATION, 0, "usr-1", ErrorCode.CONFLICT),
    ):
        with pytest.raises(ExemplarError) as refused:
            chosen(generation, field, number, user)
        assert refused.value.code is code
