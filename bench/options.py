"""What a run of the benchmarks is told."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path

from PIL import Image

SAMPLES = Path(__file__).resolve().parent.parent / "exemplar" / "demo" / "samples"


@dataclass(frozen=True)
class Options:
    """Lengths and sizes of the measurements; the defaults take at most 20 minutes on two cores."""

    only: tuple[str, ...] = ()
    repeats: int = 3
    seconds: float = 5.0
    settle: float = 1.0
    count: int = 200
    events: int = 300_000
    in_flight: int = 2_000
    readers: int = 5_000
    overload_seconds: float = 60.0
    save: Path | None = None
    as_json: bool = False

    @cached_property
    def photo(self) -> bytes:
        """A photograph of about 200 kB."""
        return _jpeg("hubble_deep_field.jpg", (1000, 1000))

    @cached_property
    def photos(self) -> list[bytes]:
        """Three photographs."""
        return [(SAMPLES / name).read_bytes() for name in ("rocket.jpg", "coffee.png", "chelsea.png")]

    @cached_property
    def thumbnail(self) -> bytes:
        """A small photograph, where the work on pictures is not the question."""
        return _jpeg("rocket.jpg", (128, 128))


def _jpeg(name: str, most: tuple[int, int]) -> bytes:
    """Encode a sample that is at most so large, as cameras do by default."""
    with Image.open(SAMPLES / name) as photo:
        photo.thumbnail(most)
        written = BytesIO()
        photo.save(written, "JPEG", quality=85)
    return written.getvalue()


QUICK = Options(
    repeats=2,
    seconds=2.0,
    settle=0.5,
    count=60,
    events=20_000,
    in_flight=300,
    readers=500,
    overload_seconds=10.0,
)


def parse_options(arguments: Sequence[str], names: Sequence[str], about: str) -> Options:
    """Read the command line; exits with a message for a name that is no measurement."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=about)
    parser.add_argument("--only", default="", help=f"some of {','.join(names)}")
    parser.add_argument("--quick", action="store_true", help="short rounds and small sizes, about 3 minutes")
    parser.add_argument("--repeats", type=int, help="rounds of each compared system")
    parser.add_argument("--seconds", type=float, help="length of a round")
    parser.add_argument("--count", type=int, help="generations of a round of the pipeline")
    parser.add_argument("--events", type=int, help="stored events of growth, replay and verify")
    parser.add_argument("--in-flight", type=int, help="generations that process at once")
    parser.add_argument("--readers", type=int, help="event streams that are open at once")
    parser.add_argument("--overload-seconds", type=float, help="length of the overload")
    parser.add_argument("--save", type=Path, help="append the rows to this file as JSON lines")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print JSON lines, not a table")
    given = vars(parser.parse_args(arguments))
    only = tuple(name for name in given.pop("only").split(",") if name)
    if unknown := set(only) - set(names):
        parser.error(f"no measurement: {', '.join(sorted(unknown))}")
    base = QUICK if given.pop("quick") else Options()
    return replace(base, only=only, **{name: value for name, value in given.items() if value is not None})
