"""The state of one prediction and the body in which Replicate shows it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sandbox.catalogue import MODEL
from sandbox.faults import NO_FAULTS, Faults
from sandbox.inputs import DEFAULT_EVENTS, FIELDS
from sandbox.logs import log_text


class Status(StrEnum):
    STARTING = "starting"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ABORTED = "aborted"

    @property
    def final(self) -> bool:
        return self not in {Status.STARTING, Status.PROCESSING}


@dataclass(slots=True, eq=False)
class Prediction:
    """One run of the model.

    `number` counts creations, `seconds` is what the run takes, `base` begins every link. `events` are those
    asked for by a webhook filter, None without a filter.
    """

    id: str
    number: int
    version: str
    input: Mapping[str, Any]
    seed: int
    seconds: float
    base: str
    created_at: datetime
    webhook: str | None = None
    events: frozenset[str] | None = None
    deadline: datetime | None = None
    faults: Faults = NO_FAULTS
    status: Status = Status.STARTING
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    pictures: tuple[bytes, ...] = ()
    extra_logs: str = ""
    data_removed: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)
    downloads: int = 0

    def value(self, name: str) -> Any:
        """Return one input as sent, or the model's default for it."""
        return self.input.get(name, FIELDS[name].default)

    @property
    def outputs(self) -> int:
        return int(self.value("num_outputs"))

    def weight(self, *, with_pictures: bool) -> int:
        """Return roughly how many bytes this prediction keeps in memory."""
        text = sum(len(value) for value in self.input.values() if isinstance(value, str))
        return 1024 + text + (sum(map(len, self.pictures)) if with_pictures else 0)

    def wants(self, event: str) -> bool:
        """Tell whether a webhook is asked for at this event."""
        return self.webhook is not None and event in (DEFAULT_EVENTS if self.events is None else self.events)

    def begin(self, now: datetime) -> None:
        self.status, self.started_at = Status.PROCESSING, now

    def finish(self, status: Status, now: datetime, *, error: str | None = None, extra_logs: str = "") -> None:
        self.status, self.completed_at, self.error, self.extra_logs = status, now, error, extra_logs
        self.done.set()

    def forget(self) -> None:
        """Drop what Replicate deletes an hour after the end: input, output and logs."""
        self.input, self.pictures, self.data_removed = {}, (), True

    def body(self, now: datetime) -> dict[str, Any]:
        """Return the prediction as the API shows it now."""
        shown: dict[str, Any] = {
            "id": self.id,
            "model": MODEL,
            "version": None if self.faults.create == "version_null" else self.version,
            "input": {name: self.input[name] for name in sorted(self.input)},
            "logs": self._logs(now),
            "output": self._output(),
            "data_removed": self.data_removed,
            "error": self.error,
            "status": self.status.value,
            "source": "api",
            "created_at": iso(self.created_at),
            "started_at": iso(self.started_at),
            "completed_at": iso(self.completed_at),
            "metrics": self._metrics(),
            "urls": self._urls(),
        }
        return shown | self._asked_for()

    def _asked_for(self) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        if self.webhook is not None:
            asked["webhook"] = self.webhook
        if self.events is not None:
            asked["webhook_events_filter"] = sorted(self.events)
        if self.deadline is not None:
            asked["deadline"] = iso(self.deadline)
        return asked

    def _urls(self) -> dict[str, str]:
        get = f"{self.base}/v1/predictions/{self.id}"
        return {"cancel": f"{get}/cancel", "get": get, "web": f"{self.base}/p/{self.id}"}

    def _output(self) -> list[str] | None:
        if not self.pictures:
            return None
        if self.faults.output == "foreign":
            return [f"{self.base.replace('127.0.0.1', 'localhost')}/_sandbox/trap"]
        return [f"{self.base}/files/out/{self.id}/out-{index}.png" for index in range(len(self.pictures))]

    def _metrics(self) -> dict[str, float]:
        if self.completed_at is None:
            return {}
        total = (self.completed_at - self.created_at).total_seconds()
        ran = (self.completed_at - self.started_at).total_seconds() if self.started_at else 0.0
        return {"predict_time": round(ran, 6), "total_time": round(total, 6)}

    def _logs(self, now: datetime) -> str | None:
        if self.started_at is None or self.data_removed:
            return None if self.status.final else ""
        ran = ((self.completed_at or now) - self.started_at).total_seconds()
        whole = self.status is Status.SUCCEEDED or self.seconds == 0
        text = log_text(
            seed=self.seed,
            prompt=self.value("prompt"),
            mode=self._mode(),
            steps=int(self.value("num_inference_steps")),
            share=1.0 if whole else min(1.0, ran / self.seconds),
            seconds=self.seconds,
        )
        return text + self.extra_logs

    def _mode(self) -> str:
        if "image" not in self.input:
            return "txt2img"
        return "inpainting" if "mask" in self.input else "img2img"


def iso(time: datetime | None) -> str | None:
    """Format a time as Replicate does: UTC, milliseconds, Z."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
