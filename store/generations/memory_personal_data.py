import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from store.generations.personal_data import ClientTexts, PersonalData, ProviderTexts, Stored, Unconfirmed


class MemoryPersonalData:
    """Personal data in a dictionary, for simulation."""

    def __init__(self) -> None:
        self._personal_data: dict[tuple[str, str], PersonalData] = {}
        self._unconfirmed: set[tuple[str, str]] = set()

    async def put(self, personal_data: PersonalData) -> None:
        await asyncio.sleep(0)
        key = personal_data.generation, personal_data.token
        if key not in self._personal_data:
            self._personal_data[key] = personal_data
            self._unconfirmed.add(key)

    async def get(self, generation: str, token: str) -> PersonalData | None:
        await asyncio.sleep(0)
        return self._personal_data.get((generation, token))

    async def texts(self, names: Sequence[tuple[str, str]], *, anew: bool = False) -> Mapping[str, ClientTexts]:
        await asyncio.sleep(0)
        found = [self._personal_data[name] for name in names if name in self._personal_data]
        return {one.generation: ClientTexts(one.instructions, one.metadata or {}) for one in found}

    async def with_webhook(self, generations: Sequence[str]) -> Sequence[str]:
        await asyncio.sleep(0)
        return [one.generation for one in self._personal_data.values() if one.generation in generations and one.webhook]

    async def put_provider(self, generation: str, token: str, texts: ProviderTexts) -> str | None:
        await asyncio.sleep(0)
        if (personal_data := self._personal_data.get((generation, token))) is None:
            return None
        provider = {texts.prediction: texts.kept, **personal_data.provider}
        changed = self._personal_data[generation, token] = replace(personal_data, provider=provider)
        return changed.answer_digest(texts.prediction)

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        await asyncio.sleep(0)
        for key in [key for key in self._personal_data if key[0] == generation and token in (None, key[1])]:
            del self._personal_data[key]

    async def erase_all(self, generations: Sequence[str]) -> None:
        for generation in generations:
            await self.erase(generation)

    async def created_before(self, moment: datetime, *, after: Stored | None, limit: int) -> Sequence[Stored]:
        await asyncio.sleep(0)
        found = sorted(Stored(one.created_at, one.generation) for one in self._personal_data.values())
        return [one for one in found if one.created_at < moment and (after is None or one > after)][:limit]

    async def date_undated(self, now: datetime) -> int:
        await asyncio.sleep(0)
        return 0

    async def confirm(self, names: Sequence[tuple[str, str]]) -> None:
        await asyncio.sleep(0)
        self._unconfirmed.difference_update(names)

    async def unconfirmed_before(
        self, moment: datetime, *, limit: int, after: Unconfirmed | None = None
    ) -> Sequence[Unconfirmed]:
        await asyncio.sleep(0)
        waiting = [self._personal_data[key] for key in self._unconfirmed if key in self._personal_data]
        old = sorted(Unconfirmed(one.created_at, one.generation, one.token) for one in waiting)
        return [one for one in old if one.created_at < moment and (after is None or one > after)][:limit]
