"""Variations of a product for an online shop; running it again makes no picture twice.

BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... python products.py SKU VARIATION,VARIATION... PICTURE...
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from exemplar_client import AccessKey, Client, Retries

PATIENT = Retries(attempts=20, max_wait=600)
"""A tier with one slot refuses the second generation until the first has ended, and says when to try again."""


def generate_product_variations(
    client: Client, sku: str, product_images: Sequence[Path], variations: Sequence[str]
) -> Mapping[str, str]:
    """Submit one generation for each variation; return their ids by variation.

    The key of each is made of the product and the variation, so that a repeated request is recognized.
    """
    return {
        variation: client.submit(
            product_images,
            {
                "prompt": f"Generate {variation} variation of the product",
                "style": "product photography",
                "background": "white",
            },
            idempotency_key=f"{sku}-{variation}",
            metadata={"sku": sku, "variation": variation},
        ).id
        for variation in variations
    }


def main() -> None:
    """Make all variations and save each under its name."""
    if len(sys.argv) <= 3 or not {"BASE", "ACCESS_KEY"} <= os.environ.keys():
        sys.exit(__doc__)
    sku, variations, *names = sys.argv[1:]
    with Client(os.environ["BASE"], AccessKey(os.environ["ACCESS_KEY"]), retries=PATIENT) as client:
        made = generate_product_variations(client, sku, [Path(name) for name in names], variations.split(","))
        for variation, generation_id in made.items():
            status = client.wait(generation_id)["status"]
            print(status, variation, generation_id)
            if status == "completed":
                client.download(generation_id, Path(f"{sku}-{variation}.png"))


if __name__ == "__main__":
    main()
