"""Measure a whole system on this machine: `make bench`. Prints a table or JSON lines.

Everything shares the cores of one machine, so that only ratios within one run are meaningful. The floor does
the least durable work; intervals of the product and of the floor alternate.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bench.load import Rate, keep_busy
from bench.system import register_user, running_system
from exemplar.demo.generation import headers_of, sign_in

SAMPLES = Path(__file__).resolve().parent.parent / "exemplar" / "demo" / "samples"
INSTRUCTIONS = json.dumps({"prompt": "a lighthouse in the rain"})


class Bench:
    """The measurements, each a method that returns rows."""

    def __init__(self, session: aiohttp.ClientSession, user: dict[str, Any], floor: str, token: str) -> None:
        self.session, self.user, self.floor = session, user, floor
        self.headers = headers_of(user, token)
        self.photo = (SAMPLES / "rocket.jpg").read_bytes()

    async def submit(self) -> str:
        url = f"{self.user['base_url']}/api/v1/generation/generate-v2"
        async with self.session.post(url, data=self._form(), headers=self.headers) as answer:
            body = await answer.json()
            assert answer.status == 202, body
        return str(body["id"])

    async def submit_floor(self) -> str:
        async with self.session.post(self.floor, data=self._form()) as answer:
            return str((await answer.json())["id"])

    async def status(self, generation: str) -> dict[str, Any]:
        url = f"{self.user['base_url']}/api/v1/generation/generations-v2/{generation}/status"
        async with self.session.get(url, headers=self.headers) as answer:
            body: dict[str, Any] = await answer.json()
        return body

    async def status_floor(self, document: str) -> None:
        async with self.session.get(f"{self.floor}/{document}") as answer:
            assert answer.status == 200

    async def completed(self, generations: list[str]) -> None:
        for generation in generations:
            while (await self.status(generation))["status"] != "completed":
                await asyncio.sleep(0.05)

    def _form(self) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field("example_images", self.photo, filename="rocket.jpg")
        form.add_field("instructions", INSTRUCTIONS)
        return form


async def compare(
    name: str,
    call: Callable[[], Any],
    floor: Callable[[], Any],
    *,
    clients: int,
    seconds: float,
    repeats: int,
) -> dict[str, Any]:
    """Alternate intervals of the product and of the floor; compare the medians of their rates."""
    product: list[Rate] = []
    floor_rates: list[Rate] = []
    for _ in range(repeats):
        floor_rates.append(await keep_busy(floor, clients=clients, seconds=seconds))
        product.append(await keep_busy(call, clients=clients, seconds=seconds))
        await asyncio.sleep(1)
    value = median(rate.per_second for rate in product)
    base = median(rate.per_second for rate in floor_rates)
    p99 = median(rate.quantile(0.99) for rate in product) * 1000
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "1/s",
        "vs": f"floor {base:.1f}/s",
        "ratio": round(value / base, 3),
        "p99_ms": round(p99, 1),
    }


async def pipeline(bench: Bench, count: int) -> dict[str, Any]:
    """Whole generations, all submitted at once, until the last is completed."""
    began = time.perf_counter()
    gate = asyncio.Semaphore(16)

    async def one() -> str:
        async with gate:
            return await bench.submit()

    await bench.completed(list(await asyncio.gather(*(one() for _ in range(count)))))
    rate = count / (time.perf_counter() - began)
    return {"name": "pipeline", "value": round(rate, 1), "unit": "1/s", "vs": "", "ratio": None}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", default="auto", choices=["auto", "rabbitmq", "inprocess"])
    parser.add_argument("--seconds", type=float, default=10.0, help="length of an interval")
    parser.add_argument("--repeats", type=int, default=3, help="measured intervals")
    parser.add_argument("--json", action="store_true", help="print JSON lines only")
    options = parser.parse_args()
    async with running_system(options.broker) as (demo, floor), aiohttp.ClientSession() as session:
        user = await register_user(demo["base_url"], demo["operator_key"])
        bench = Bench(session, user, floor, await sign_in(user))
        rows = [await pipeline(bench, 200)]
        known, document = await bench.submit(), await bench.submit_floor()
        await bench.completed([known])
        timing = {"seconds": options.seconds, "repeats": options.repeats}
        rows.append(
            await compare(
                "status",
                lambda: bench.status(known),
                lambda: bench.status_floor(document),
                clients=64,
                **timing,
            )
        )
        rows.append(await compare("submit", bench.submit, bench.submit_floor, clients=16, **timing))
    for row in rows:
        line = f"{row['name']:<10} {row['value']:>8} {row['unit']}  {row['vs']:<18} ratio {row['ratio']}"
        print(json.dumps(row) if options.json else line)


if __name__ == "__main__":
    asyncio.run(main())
