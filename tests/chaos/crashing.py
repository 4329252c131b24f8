"""Processes that kill themselves at a named point, and are seen to do so."""

import asyncio
import signal

from tests.chaos.scene import Scene

VARIABLE = "EXEMPLAR_CRASH_POINT"
# Until a point is reached under load, restarts of others included.
REACHED_WITHIN_S = 90.0


async def crash(scene: Scene, name: str, *arguments: str, role: str, point: str) -> None:
    """Run a process until it dies at a point; fail when it does not, or ends otherwise."""
    system = scene.system
    system.program(name, *arguments, **{VARIABLE: f"{role}:{point}"})
    await system.restart(name)
    try:
        async with asyncio.timeout(REACHED_WITHIN_S):
            code = await system.exit_code(name)
    except TimeoutError:
        raise AssertionError(f"{name} did not reach {role}:{point}") from None
    finally:
        system.kill(name)
    assert code == -signal.SIGKILL, f"{name} ended with {code} and not at {role}:{point}"
