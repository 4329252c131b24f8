"""Refuse prompts before anything is held: by the operator's words, then by the classifier."""

import asyncio
from dataclasses import dataclass
from typing import Literal

import structlog

from domain.errors import ErrorCode, ExemplarError
from domain.submission.instructions import model_prompt, parse_instructions
from domain.submission.model_inputs import ADMITTED
from gateway.moderation.classifier import Classifier, ClassifierError
from gateway.moderation.word_list_file import WordListFile

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class InputModeration:
    """Judge the prompt for the model, with everything that the client added to it; a negative prompt is none.

    `failure` says what becomes of a submission when the classifier gives no answer. No text is logged.
    """

    word_list: WordListFile | None = None
    classifier: Classifier | None = None
    failure: Literal["refuse", "allow"] = "refuse"

    async def require(self, instructions: str, *, user: str) -> None:
        """Raise ExemplarError `content_refused`, or `moderation_unavailable` when nobody could judge."""
        if self.word_list is None and self.classifier is None:
            return
        prompt = model_prompt(parse_instructions(instructions, ceilings=ADMITTED))
        # In a thread: a long list of patterns takes a moment, in which others are served.
        if self.word_list is not None and await asyncio.to_thread((await self.word_list.current()).refuses, prompt):
            raise _refused("word_list", user)
        if self.classifier is not None and await self._is_flagged(self.classifier, prompt):
            raise _refused("classifier", user)

    async def _is_flagged(self, classifier: Classifier, prompt: str) -> bool:
        try:
            return await classifier.flags(prompt)
        except ClassifierError as error:
            _log.error("classifier_failed", error=error, submission="refused" if self._refuses else "allowed")
            if self._refuses:
                raise ExemplarError(ErrorCode.MODERATION_UNAVAILABLE) from None
            return False

    @property
    def _refuses(self) -> bool:
        return self.failure == "refuse"


def _refused(by: str, user: str) -> ExemplarError:
    _log.info("content_refused", by=by, user=user)
    return ExemplarError(ErrorCode.CONTENT_REFUSED, loc=("body", "instructions"))
