"""Runs each prediction from its creation to its end, in a task of its own."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from sandbox.logs import flagged_text
from sandbox.prediction_record import PredictionRecord
from sandbox.predictions import Prediction, Status
from sandbox.renderer import Renderer
from sandbox.webhooks import Sender

_TICK = 0.5
_RENDER_LEAD = 0.2
"""Seconds before the end at which rendering begins, so that thousands of long runs hold no pictures."""
_NSFW = "NSFW content detected. Try running it again, or try a different prompt."
_ERRORS = {
    "failed": "Prediction failed: an unknown error happened (E1000)",
    "nsfw": _NSFW,
    "E1001": "CUDA out of memory (E1001)",
}
_NEVER_STARTED = "The model did not start in time (E6716)"

log = structlog.get_logger()


class Runner:
    """Moves predictions: starting, processing, then an end; a deadline or a cancel ends them early."""

    def __init__(
        self,
        *,
        boot_seconds: float,
        clock: Callable[[], datetime],
        record: PredictionRecord,
        renderer: Renderer,
        sender: Sender,
    ) -> None:
        self._boot_seconds = boot_seconds
        self._clock = clock
        self._record = record
        self._renderer = renderer
        self._sender = sender
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._deadlines: dict[str, asyncio.TimerHandle] = {}

    def start(self, prediction: Prediction) -> None:
        """Start or resume a prediction; one with the fault `aborted` ends at once."""
        if prediction.faults.create == "aborted":
            self._finish(prediction, Status.ABORTED)
            return
        self._runs[prediction.id] = asyncio.create_task(self._run(prediction))
        if prediction.deadline is not None:
            delay = (prediction.deadline - self._clock()).total_seconds()
            timer = asyncio.get_running_loop().call_later(delay, self._expire, prediction)
            self._deadlines[prediction.id] = timer

    def cancel(self, prediction: Prediction) -> None:
        """End a prediction as canceled; a finished one stays as it is."""
        if not prediction.status.final:
            self._finish(prediction, Status.CANCELED)

    async def close(self) -> None:
        runs = list(self._runs.values())
        for run in runs:
            run.cancel()
        for timer in self._deadlines.values():
            timer.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    def _expire(self, prediction: Prediction) -> None:
        ran = prediction.status is Status.PROCESSING
        self._finish(prediction, Status.CANCELED if ran else Status.ABORTED)

    async def _run(self, prediction: Prediction) -> None:
        try:
            await self._execute(prediction)
        except ValueError as error:
            self._finish(prediction, Status.FAILED, error=str(error))
        except Exception:
            log.exception("sandbox_prediction_failed", prediction_id=prediction.id)
            self._finish(prediction, Status.FAILED, error=_ERRORS["failed"])

    async def _execute(self, prediction: Prediction) -> None:
        outcome = prediction.faults.outcome
        # A prediction that was restored has been running for some time already.
        ran = (self._clock() - prediction.created_at).total_seconds() - self._boot_seconds
        await asyncio.sleep(max(0.0, -ran))
        if outcome == "E6716":
            self._finish(prediction, Status.FAILED, error=_NEVER_STARTED)
            return
        end = asyncio.get_running_loop().time() + prediction.seconds - max(0.0, ran)
        if prediction.started_at is None:
            prediction.begin(self._clock())
            self._record.mark_started(prediction)
            self._sender.notify(prediction, "start")
        if outcome is None:
            await self._work_until(prediction, end - _RENDER_LEAD)
            pictures = await self._renderer.pictures(prediction)
            await self._work_until(prediction, end)
            self._succeed(prediction, pictures)
        else:
            await self._work_until(prediction, end if outcome != "canceled" else end - prediction.seconds / 2)
            self._fail(prediction, outcome)

    async def _work_until(self, prediction: Prediction, end: float) -> None:
        """Sleep until `end`, sending `logs` webhooks meanwhile where they are asked for."""
        clock = asyncio.get_running_loop().time
        while prediction.wants("logs") and end - clock() > _TICK:
            await asyncio.sleep(_TICK)
            self._sender.notify(prediction, "logs")
        await asyncio.sleep(max(0.0, end - clock()))

    def _succeed(self, prediction: Prediction, pictures: tuple[bytes, ...]) -> None:
        prediction.pictures = pictures
        self._sender.notify(prediction, "output")
        self._finish(prediction, Status.SUCCEEDED)

    def _fail(self, prediction: Prediction, outcome: str) -> None:
        if outcome == "canceled":
            self._finish(prediction, Status.CANCELED)
            return
        extra_logs = flagged_text(prediction.outputs) if outcome == "nsfw" else ""
        self._finish(prediction, Status.FAILED, error=_ERRORS[outcome], extra_logs=extra_logs)

    def _finish(
        self, prediction: Prediction, status: Status, *, error: str | None = None, extra_logs: str = ""
    ) -> None:
        prediction.finish(status, self._clock(), error=error, extra_logs=extra_logs)
        self._sender.notify(prediction, "completed")
        self._record.mark_finished(prediction)
        self._stop(prediction)

    def _stop(self, prediction: Prediction) -> None:
        """Cancel the task and the deadline; the caller may be that very task."""
        run = self._runs.pop(prediction.id, None)
        if run is not None and run is not asyncio.current_task():
            run.cancel()
        timer = self._deadlines.pop(prediction.id, None)
        if timer is not None:
            timer.cancel()
