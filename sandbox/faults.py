"""Fault injection: the failures that the sandbox can simulate."""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Create = Literal[
    "drop_after_commit",
    "hang",
    "429",
    "402",
    "401",
    "500",
    "html_502",
    "truncated",
    "version_null",
    "aborted",
]
Webhook = Literal["lost", "duplicate", "reorder", "bad_signature", "stale", "before_201"]
Outcome = Literal["failed", "nsfw", "canceled", "E1001", "E6716"]
Output = Literal["404", "expired", "truncated", "huge", "redirect", "foreign", "slow", "stalled", "wrong_type"]


class Faults(BaseModel):
    """What goes wrong with a prediction; the default is nothing.

    * `latency_s` replaces the seconds from start to end.
    * `create` is the answer to the create. `drop_after_commit` makes the prediction, then closes the
      connection without an answer; `truncated` makes it and cuts the answer in half; `version_null` and
      `aborted` make it with that body. `hang` makes nothing and keeps the connection open for 120 s; the
      numbers and `html_502` make nothing either.
    * `webhook`: `lost` sends none, `duplicate` each message five times, `reorder` the first ones after
      the last; `stale` signs with a time one hour old, `bad_signature` with a foreign key; `before_201`
      delivers the first message before the create is answered.
    * `outcome` is how the prediction ends.
    * `output` spoils the download: `expired` answers 403, `truncated` serves half a picture, `huge` 500 MiB,
      `redirect` leads to this server's trap URL, `foreign` names the trap on another host, `slow` takes
      minutes, `stalled` sends half and then nothing, `wrong_type` is a web page. `output_times` is the number
      of downloads that it spoils, all of them by default; a `foreign` address stays.
    * `prompt` restricts it to creates whose prompt contains this text.
    * `times` is the number of creates all of it applies to; `retry_after` the seconds of a 429.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_s: float | None = Field(None, ge=0, le=7200, strict=True)
    create: Create | None = None
    webhook: Webhook | None = None
    outcome: Outcome | None = None
    output: Output | None = None
    output_times: int | None = Field(None, ge=1, strict=True)
    prompt: str | None = None
    times: int | None = Field(None, ge=1, strict=True)
    retry_after: int = Field(5, ge=0, le=3600, strict=True)


NO_FAULTS = Faults()

_WORD: Final = re.compile(r"\[sandbox:(?:(fail|nsfw)|slow=(\d{1,3}))\]", re.ASCII)
_OUTCOMES: Final[dict[str, Outcome]] = {"fail": "failed", "nsfw": "nsfw"}


def faults_in(prompt: str) -> Faults:
    """Read the faults that a prompt asks for: `[sandbox:fail]`, `[sandbox:nsfw]`, `[sandbox:slow=5]` (seconds).

    The last word of each kind counts; other text in brackets is part of the prompt.
    """
    asked: list[tuple[str, str]] = _WORD.findall(prompt)
    outcomes = [_OUTCOMES[outcome] for outcome, _ in asked if outcome]
    delays = [float(seconds) for _, seconds in asked if seconds]
    return Faults(outcome=outcomes[-1] if outcomes else None, latency_s=delays[-1] if delays else None)


class ArmedFaults:
    """The faults that apply to the next creates: to each the first whose prompt fits."""

    def __init__(self) -> None:
        self._armed: list[Faults] = []

    def arm(self, faults: Sequence[Faults]) -> None:
        self._armed = [one for one in faults if one != NO_FAULTS]

    def pending(self) -> list[dict[str, Any]]:
        """Return the armed faults with the creates that are left of `times`; empty when nothing is armed."""
        return [one.model_dump(exclude_unset=True) for one in self._armed]

    def take(self, prompt: str) -> Faults:
        """Return the faults of one create and count it: the armed ones, else those that its prompt asks for."""
        for index, faults in enumerate(self._armed):
            if faults.prompt is None or faults.prompt in prompt:
                if faults.times is not None:
                    left = faults.times - 1
                    self._armed[index : index + 1] = [faults.model_copy(update={"times": left})] if left else []
                return faults
        return faults_in(prompt)


def parsed(body: Any) -> list[Faults]:
    """Parse faults, an object or an array of them; raise ValueError with a sentence that names the wrong one."""
    return [_one(item) for item in (body if isinstance(body, list) else [body])]


def _one(body: Any) -> Faults:
    if not isinstance(body, dict):
        raise ValueError("the faults must be a JSON object")  # noqa: TRY004 - a wrong value
    try:
        return Faults.model_validate(body)
    except ValidationError as error:
        raise ValueError("; ".join(_sentence(item["loc"], item["msg"]) for item in error.errors())) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(map(str, location))
    if "Extra inputs" in message:
        return f"unknown fault '{name}'; known are {', '.join(Faults.model_fields)}"
    return f"{name}: {message}"
