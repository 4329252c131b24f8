"""All predictions of the sandbox: by id, in pages, their data dropped in time, every creation counted."""

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from sandbox.archive import Archive
from sandbox.predictions import Prediction, iso

PAGE: Final = 100
REMEMBERED: Final = 100_000
"""Predictions and creations kept; the oldest are dropped first."""


@dataclass(frozen=True, slots=True)
class Page:
    """Predictions newest first, with the cursors of the older and the newer page where there is one."""

    items: list[Prediction]
    older: str | None
    newer: str | None


class PredictionRecord:
    """Holds predictions, with a limit on the age and the bytes of finished ones.

    `weigh_pictures` is false when all of them share one prepared picture.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        clock: Callable[[], datetime],
        keep: timedelta,
        budget: int,
        weigh_pictures: bool,
    ) -> None:
        self._archive = archive
        self._clock = clock
        self._keep = keep
        self._budget = budget
        self._weigh_pictures = weigh_pictures
        self._bytes_held = 0
        self._predictions: dict[str, Prediction] = {}
        self._finished: deque[tuple[Prediction, int]] = deque()
        self._creations: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def restore(self) -> list[Prediction]:
        """Load what the archive holds; return the predictions that are still running."""
        for prediction in self._archive.load():
            self._add(prediction)
            if prediction.status.final and not prediction.data_removed:
                self._weigh(prediction)
        self.sweep()
        return [one for one in self._predictions.values() if not one.status.final]

    @property
    def last_number(self) -> int:
        """The number of the newest prediction; 0 for none."""
        return max((prediction.number for prediction in self._predictions.values()), default=0)

    def add(self, prediction: Prediction) -> None:
        self.sweep()
        self._add(prediction)
        self._archive.insert(prediction)
        oldest = next(iter(self._predictions.values()))
        if len(self._predictions) > REMEMBERED and oldest.status.final:
            del self._predictions[oldest.id]
            self._archive.delete(oldest)

    def mark_started(self, prediction: Prediction) -> None:
        """Store that a prediction has started."""
        self._archive.update_state(prediction)

    def get(self, id_: str) -> Prediction | None:
        self.sweep()
        return self._predictions.get(id_)

    def mark_finished(self, prediction: Prediction) -> None:
        """Store that a prediction has ended, so that its data is dropped in time."""
        self._archive.update_state(prediction)
        self._weigh(prediction)
        self.sweep()

    def sweep(self) -> None:
        """Drop the data of predictions that ended too long ago, and the oldest while over the budget."""
        limit = self._clock() - self._keep
        while self._finished and (self._bytes_held > self._budget or _ended_before(self._finished[0][0], limit)):
            prediction, weight = self._finished.popleft()
            prediction.forget()
            self._archive.drop_data(prediction)
            self._bytes_held -= weight

    def _add(self, prediction: Prediction) -> None:
        self._predictions[prediction.id] = prediction
        self._creations.append(_creation(prediction))

    def _weigh(self, prediction: Prediction) -> None:
        weight = prediction.weight(with_pictures=self._weigh_pictures)
        self._finished.append((prediction, weight))
        self._bytes_held += weight

    def creations(self) -> list[dict[str, Any]]:
        return list(self._creations)

    def page(self, *, since: datetime | None, until: datetime | None, cursor: str | None) -> Page:
        """Return up to 100 predictions created in [since, until); raise ValueError for an invalid cursor."""
        self.sweep()
        direction, number = _read_cursor(cursor)
        chosen = list(self._within(since, until))
        older = [p for p in chosen if number is None or p.number < number]
        newer = [p for p in chosen if number is not None and p.number > number]
        items = newer[-PAGE:] if direction == "newer" else older[:PAGE]
        if not items:
            return Page([], None, None)
        first, last = items[0].number, items[-1].number
        return Page(
            items,
            _cursor("older", last) if chosen[-1].number < last else None,
            _cursor("newer", first) if chosen[0].number > first else None,
        )

    def _within(self, since: datetime | None, until: datetime | None) -> Iterator[Prediction]:
        for prediction in reversed(self._predictions.values()):
            if since is not None and prediction.created_at < since:
                continue
            if until is None or prediction.created_at < until:
                yield prediction


def _ended_before(prediction: Prediction, limit: datetime) -> bool:
    return prediction.completed_at is not None and prediction.completed_at <= limit


def _cursor(direction: str, number: int) -> str:
    return base64.urlsafe_b64encode(f"{direction}:{number}".encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[str, int | None]:
    if cursor is None:
        return "older", None
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("the cursor is not valid") from None
    found = re.fullmatch(r"(older|newer):(\d{1,12})", text)
    if not found:
        raise ValueError("the cursor is not valid")
    return found[1], int(found[2])


def _creation(prediction: Prediction) -> dict[str, Any]:
    """Return generation and attempt of a prediction, read from its webhook's query (`g` and `a`)."""
    query = parse_qs(urlsplit(prediction.webhook or "").query)
    attempt = query.get("a", [""])[0]
    return {
        "generation": query.get("g", [None])[0],
        "attempt": int(attempt) if attempt.isdecimal() else None,
        "prediction": prediction.id,
        "created_at": iso(prediction.created_at),
    }
