"""The parser of server-sent events in the JavaScript client: the cases of the Python client."""

import json
from dataclasses import asdict

import pytest

from exemplar_client.events import Frame
from tests.clients.js.conftest import CLIENT, run_node
from tests.clients.python.test_frames import PARSED, WIRE

READ = f"""
const {{ frames }} = await import("{CLIENT.as_uri()}/src/sse.js");
const parsed = async (pieces) => {{
  const found = [];
  const body = new ReadableStream({{ start(stream) {{ pieces.forEach((p) => stream.enqueue(p)); stream.close(); }} }});
  for await (const frame of frames(body)) found.push(frame);
  return JSON.stringify(found);
}};
const wire = Uint8Array.from(JSON.parse(process.env.WIRE));
"""


def frames_of(program: str, wire: bytes) -> list[object]:
    return run_node(READ + program, {"WIRE": json.dumps(list(wire))})


def test_frames_do_not_depend_on_the_chunks() -> None:
    shown = frames_of(
        """
        const results = new Set();
        for (let first = 0; first <= wire.length; first += 1) {
          for (let second = first; second <= wire.length; second += 1) {
            results.add(await parsed([wire.slice(0, first), wire.slice(first, second), wire.slice(second)]));
          }
        }
        for (const result of results) console.log(result);
        """,
        WIRE,
    )
    assert shown == [[asdict(frame) for frame in PARSED]]


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"id: 5\n\nevent: a\n\n: hello\n\n\n\nretry: soon\n\n", []),
        (b"id: a\0b\ndata: x\n\n", [Frame(data="x")]),
    ],
    ids=["without data", "an id with a null character"],
)
def test_odd_frames(wire: bytes, expected: list[Frame]) -> None:
    assert frames_of("console.log(await parsed([wire]));", wire) == [[asdict(frame) for frame in expected]]
