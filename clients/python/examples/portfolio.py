"""A picture for a portfolio website, in the style of professional photography.

BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... python portfolio.py PROMPT PICTURE...
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from exemplar_client import AccessKey, Client


def generate_portfolio_image(client: Client, examples: Sequence[Path], prompt: str) -> str:
    """Submit example pictures and a prompt; return the id of the generation."""
    return client.submit(examples, {"prompt": prompt, "style": "professional photography"}).id


def main() -> None:
    """Make a picture and save it beside this program's caller."""
    if len(sys.argv) <= 2 or not {"BASE", "ACCESS_KEY"} <= os.environ.keys():
        sys.exit(__doc__)
    prompt, *names = sys.argv[1:]
    with Client(os.environ["BASE"], AccessKey(os.environ["ACCESS_KEY"])) as client:
        generation = client.wait(generate_portfolio_image(client, [Path(name) for name in names], prompt))
        if generation["status"] == "failed":
            sys.exit(generation["error"])
        print(client.download(generation["id"], Path("portfolio.png")))


if __name__ == "__main__":
    main()
