"""The SQLite file that keeps predictions and their pictures when the sandbox ends.

It is written at every change: a restarted sandbox knows every prediction it has answered for, and continues
those that were running.
"""

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sandbox.faults import Faults
from sandbox.predictions import Prediction, Status

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, number INTEGER, made TEXT, state TEXT);
CREATE TABLE IF NOT EXISTS pictures (id TEXT, place INTEGER, data BLOB, PRIMARY KEY (id, place));
"""


class Archive:
    """Stores predictions in `folder`; None stores nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._database: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create the file; raise OSError or sqlite3.Error when that fails."""
        if self._folder is None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Each statement is its own transaction; all of them come from one event loop.
        self._database = sqlite3.connect(self._folder / "predictions.sqlite", isolation_level=None)
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def load(self) -> list[Prediction]:
        """Read every prediction, oldest first."""
        if self._database is None:
            return []
        rows = self._database.execute("SELECT id, made, state FROM predictions ORDER BY number").fetchall()
        return [_prediction(json.loads(made), json.loads(state), self._pictures(id_)) for id_, made, state in rows]

    def insert(self, prediction: Prediction) -> None:
        """Write a prediction, replacing an earlier version of it."""
        values = (
            prediction.id,
            prediction.number,
            json.dumps(_creation_fields(prediction)),
            json.dumps(_state_fields(prediction)),
        )
        self._write("INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?)", *values)

    def update_state(self, prediction: Prediction) -> None:
        """Write the state of a prediction, and its pictures once it has them."""
        for index, data in enumerate(prediction.pictures):
            self._write("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)", prediction.id, index, data)
        state = json.dumps(_state_fields(prediction))
        self._write("UPDATE predictions SET state = ? WHERE id = ?", state, prediction.id)

    def drop_data(self, prediction: Prediction) -> None:
        """Delete the pictures and the input of a prediction, also from what SQLite has not copied to its file yet."""
        self._write("DELETE FROM pictures WHERE id = ?", prediction.id)
        self.insert(prediction)
        self._write("PRAGMA wal_checkpoint(TRUNCATE)")

    def delete(self, prediction: Prediction) -> None:
        """Delete a prediction."""
        self._write("DELETE FROM pictures WHERE id = ?", prediction.id)
        self._write("DELETE FROM predictions WHERE id = ?", prediction.id)

    def _pictures(self, id_: str) -> tuple[bytes, ...]:
        assert self._database is not None  # noqa: S101 - only `load` asks
        found = self._database.execute("SELECT data FROM pictures WHERE id = ? ORDER BY place", (id_,))
        return tuple(data for (data,) in found)

    def _write(self, statement: str, *values: object) -> None:
        if self._database is not None:
            self._database.execute(statement, values)


def _creation_fields(prediction: Prediction) -> dict[str, Any]:
    return {
        "id": prediction.id,
        "number": prediction.number,
        "version": prediction.version,
        "input": dict(prediction.input),
        "seed": prediction.seed,
        "seconds": prediction.seconds,
        "base": prediction.base,
        "created_at": _text(prediction.created_at),
        "webhook": prediction.webhook,
        "events": None if prediction.events is None else sorted(prediction.events),
        "deadline": _text(prediction.deadline),
        "faults": prediction.faults.model_dump(exclude_unset=True),
    }


def _state_fields(prediction: Prediction) -> dict[str, Any]:
    return {
        "status": prediction.status.value,
        "started_at": _text(prediction.started_at),
        "completed_at": _text(prediction.completed_at),
        "error": prediction.error,
        "extra_logs": prediction.extra_logs,
        "data_removed": prediction.data_removed,
    }


def _prediction(made: dict[str, Any], state: dict[str, Any], pictures: tuple[bytes, ...]) -> Prediction:
    events = made.pop("events")
    created_at = datetime.fromisoformat(made.pop("created_at"))
    prediction = Prediction(
        **made | {"deadline": _time(made["deadline"]), "faults": Faults.model_validate(made["faults"])},
        created_at=created_at,
        events=None if events is None else frozenset(events),
        status=Status(state.pop("status")),
        started_at=_time(state.pop("started_at")),
        completed_at=_time(state.pop("completed_at")),
        pictures=pictures,
        **state,
    )
    if prediction.status.final:
        prediction.done.set()
    return prediction


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
