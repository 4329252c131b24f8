"""The parser of server-sent events."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exemplar_client.events import Frame, frames

WIRE = (
    b'\xef\xbb\xbfretry: 2000\n\n:\n\nid: 1\nevent: a\ndata: {"x":"\xe2\x80\xa8\xc2\x85"}\n\n'
    b"id: 2\r\nevent: b\r\ndata: one\r\ndata:two\r\n\r\n"
    b"event: c\rdata:  three\r\r"
    b"id: 4\ndata: incomplete"
)
PARSED = [
    Frame(retry=2000),
    Frame("a", '{"x":"\u2028\x85"}', "1"),
    Frame("b", "one\ntwo", "2"),
    Frame("c", " three"),
]


@given(st.lists(st.integers(0, len(WIRE)), max_size=12))
def test_frames_do_not_depend_on_the_chunks(cuts: list[int]) -> None:
    cut_at = [0, *sorted(cuts), len(WIRE)]
    pieces = [WIRE[start:end] for start, end in pairwise(cut_at)]
    assert list(frames(pieces)) == PARSED


@pytest.mark.parametrize("wire", [b"id: 5\n\n", b"event: a\n\n", b": hello\n\n", b"\n\n\n", b"retry: soon\n\n"])
def test_an_event_without_data_is_no_frame(wire: bytes) -> None:
    assert not list(frames([wire]))


def test_an_id_with_a_null_character_is_ignored() -> None:
    assert list(frames([b"id: a\0b\ndata: x\n\n"])) == [Frame(data="x")]
