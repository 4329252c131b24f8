"""The log text of a prediction, as cog and tqdm print it while SDXL works."""

from collections.abc import Iterator
from math import ceil


def log_text(*, seed: int, prompt: str, mode: str, steps: int, share: float, seconds: float) -> str:
    """Return the log when `share` (0..1) of the work is done; `seconds` is what all of it takes."""
    head = f"Using seed: {seed}\nPrompt: {prompt}\n{mode} mode\n"
    return head + "".join(_bars(steps, share, seconds))


def flagged_text(outputs: int) -> str:
    """Return the lines of the safety checker when it flags every picture."""
    return "".join(f"NSFW content detected in image {index}\n" for index in range(outputs))


def _bars(steps: int, share: float, seconds: float) -> Iterator[str]:
    """Yield at most a dozen progress lines, the first at nothing done."""
    stride = ceil(steps / 10)
    marks = [*range(0, steps, stride), steps]
    pace = seconds / steps
    for done in marks:
        if done <= share * steps:
            yield _bar(done, steps, pace)


def _bar(done: int, steps: int, pace: float) -> str:
    filled = "█" * (done * 10 // steps)
    rate = f"{1 / pace:.2f}it/s" if done and pace > 0 else "?it/s"
    left = _clock((steps - done) * pace) if done else "?"
    return f"{done * 100 // steps:3d}%|{filled:<10}| {done}/{steps} [{_clock(done * pace)}<{left}, {rate}]\n"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
