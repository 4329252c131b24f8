import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from store.generations.personal_data import ProviderWords, Words


class MemoryWords:
    """Words in a dictionary, with the same contract as in MongoDB."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, str], Words] = {}
        self._unconfirmed: set[tuple[str, str]] = set()

    async def put(self, words: Words) -> None:
        await asyncio.sleep(0)
        if (words.generation, words.token) not in self._words:
            self._words[words.generation, words.token] = words
            self._unconfirmed.add((words.generation, words.token))

    async def get(self, generation: str, token: str) -> Words | None:
        await asyncio.sleep(0)
        return self._words.get((generation, token))

    async def metadata(self, names: Sequence[tuple[str, str]]) -> Mapping[str, Mapping[str, Any]]:
        await asyncio.sleep(0)
        found = [self._words[name] for name in names if name in self._words]
        return {words.generation: words.metadata for words in found if words.metadata}

    async def put_model_input(self, generation: str, token: str, model_input: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        if words := self._words.get((generation, token)):
            self._words[generation, token] = replace(words, model_input=model_input)

    async def put_provider(self, generation: str, token: str, said: ProviderWords) -> None:
        await asyncio.sleep(0)
        if words := self._words.get((generation, token)):
            value = {"outputs": list(said.outputs), "error": said.error}
            self._words[generation, token] = replace(
                words, provider={**words.provider, said.prediction: value}
            )

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        await asyncio.sleep(0)
        for key in [key for key in self._words if key[0] == generation and token in (None, key[1])]:
            del self._words[key]

    async def confirm(self, generation: str, token: str) -> None:
        await asyncio.sleep(0)
        self._unconfirmed.discard((generation, token))

    async def unconfirmed_before(self, moment: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
        await asyncio.sleep(0)
        waiting = [self._words[key] for key in self._unconfirmed if key in self._words]
        old = sorted((words.created_at, words.generation, words.token) for words in waiting)
        return [(generation, token) for created_at, generation, token in old if created_at < moment][:limit]
