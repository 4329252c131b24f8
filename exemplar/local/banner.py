"""The text that `exemplar up` prints when everything is ready."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from exemplar.local.hooks import Demo

INSTRUCTIONS = '{"prompt": "Generate a futuristic cityscape with neon lights and flying cars", "style": "cyberpunk"}'


def banner(
    demo: Demo, *, console: str, docs: str, photos: Sequence[Path], broker: str, home: Path, webhook_allow: str
) -> str:
    """Return addresses, credentials and a request to copy; `console` and `docs` are links of one use."""
    sandbox = demo["sandbox_url"]
    rows = {
        "base URL": demo["base_url"],
        "end user": f"{demo['email']}  password {demo['password']}",
        "developer": f"{demo['developer_email']}  password {demo['developer_password']}",
        "access key": f"{demo['access_key']}  of the end user",
        "project": demo["project_id"],
        "broker": broker,
        "model": f"{sandbox} (a sandbox; set REPLICATE_API_TOKEN for SDXL)" if sandbox else "SDXL on Replicate",
        "webhooks": f"may also go to {webhook_allow} (EXEMPLAR_WEBHOOK_ALLOW)"
        if webhook_allow
        else "go to public addresses only (EXEMPLAR_WEBHOOK_ALLOW)",
        "MongoDB": demo["mongodb_url"],
        "all of it": str(home / "demo.json"),
        "logs": str(home / "logs"),
    }
    table = "\n".join(f"  {name:<10} {value}" for name, value in rows.items())
    return (
        f"\nReady.\n{table}\n\nOpen {console}\n"
        f"  or {docs}\n    to try the API (each signs this machine's browser in, once, within ten minutes)\n\n"
        f"Make a picture of your own, in another terminal:\n\n{command(sys.argv[0], home)}\n\n"
        f"Or send a request:\n\n{curl(demo, photos=photos)}\n"
    )


def command(program: str, home: Path) -> str:
    """Return the command that makes a picture beside this system, for whoever started it with this program."""
    name = shlex.quote(program) if Path(program).name == "exemplar" else "exemplar"
    where = "" if home == Path(".exemplar") else f" --home {shlex.quote(str(home))}"
    return f'  {name} generate PICTURE --prompt "A quiet harbour"{where}'


def curl(demo: Demo, *, photos: Sequence[Path]) -> str:
    """Return the documented example request with the access key and real pictures."""
    lines = [
        f"curl -X POST {shlex.quote(demo['base_url'] + '/api/v1/generation/generate-v2')}",
        f'-H "Authorization: Bearer {demo["access_key"]}"',
        *(f"-F {shlex.quote(f'example_images=@{photo}')}" for photo in photos[:3]),
        f"-F {shlex.quote(f'instructions={INSTRUCTIONS}')}",
    ]
    return " \\\n".join(lines)
