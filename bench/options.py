"""What a run of the benchmarks is told."""

from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "exemplar" / "demo" / "samples"


@dataclass(frozen=True)
class Options:
    """Length and number of repeats, and the photographs that are sent."""

    repeats: int = 3
    seconds: float = 6.0
    settle: float = 1.5
    count: int = 200

    @property
    def photo(self) -> bytes:
        """A photograph of about 110 kB."""
        return (SAMPLES / "rocket.jpg").read_bytes()

    @property
    def photos(self) -> list[bytes]:
        """Three photographs."""
        return [(SAMPLES / name).read_bytes() for name in ("rocket.jpg", "coffee.png", "chelsea.png")]
