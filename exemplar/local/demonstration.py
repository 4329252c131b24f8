"""The picture with which `exemplar up` shows that everything works."""

from collections.abc import Callable

from exemplar.local.hooks import Demo, Hooks
from exemplar.local.options import Options

_TOLD = (
    "no picture is made: there is one already, and another costs money at the provider (`exemplar up --once` makes it)"
)


async def make_picture(
    demo: Demo, options: Options, hooks: Hooks, say: Callable[[str], None], *, sandbox: bool, token_refused: bool
) -> int:
    """Make a picture and print its path; return the exit code.

    A real provider is paid once: restarts make no further picture, except with `once`, which is for the picture alone.
    """
    if token_refused:
        say("no picture is made: the provider refuses REPLICATE_API_TOKEN, see above")
        return 1
    try:
        if not sandbox and not options.once and await hooks.has_picture(demo):
            say(_TOLD)
            return 0
        picture = await hooks.demonstrate(demo, options.photos)
    except Exception as error:  # noqa: BLE001 - a failed demonstration must not end healthy services
        say(f"the demonstration failed: {error or type(error).__name__}")
        return 1
    say(f"\n  {picture}\n")
    return 0
