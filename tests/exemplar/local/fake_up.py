"""`exemplar up` with a stand-in for the product: `fake_up.py HOME PORT BROKER [once] [nopicture]`."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from exemplar.environment import ConfigurationError
from exemplar.local.hooks import Demo, Hooks, ProviderAnswer
from exemplar.local.options import Options
from exemplar.local.secrets_file import Secrets
from exemplar.local.up import up
from store.mongo.replica_set import initiate_replica_set

FAKE = Path(__file__).with_name("fake_product.py")


async def seed(mongodb_url: str, base_url: str, secrets: Secrets, env: Mapping[str, str]) -> Demo:
    assert env["EXEMPLAR_MONGODB_URL"] == mongodb_url
    assert base_url
    account = {"email": "a@example.com", "password": secrets.demo_password}
    keys = {"project_id": "p", "developer_key": "ak_d", "api_key": "pk_a", "access_key": "ek_a"}
    developer = {"developer_email": "d@example.com", "developer_password": secrets.demo_developer_password}
    return {**account, **keys, **developer, "free": {**account, **keys}}


async def demonstrate(demo: Demo, photos: Sequence[Path]) -> Path:
    if "nopicture" in sys.argv:
        raise TimeoutError("no picture after 1 s")
    assert json.loads((Path(sys.argv[1]) / "demo.json").read_text()) == demo
    return photos[0]


async def check_provider(env: Mapping[str, str]) -> ProviderAnswer:
    refused = env["REPLICATE_API_TOKEN"] == "r8_revoked"
    return ProviderAnswer("refuses the token" if refused else "accepts the token", refused)


async def has_picture(demo: Demo) -> bool:
    return False


HOOKS = Hooks(initiate_replica_set, seed, demonstrate, has_picture, check_provider)


def main(home: str, port: str, broker: str, *flags: str) -> int:
    options = Options(
        home=Path(home),
        port=int(port),
        broker="rabbitmq" if broker == "rabbitmq" else "inprocess",
        once="once" in flags,
        command=(sys.executable, str(FAKE)),
    )
    try:
        return asyncio.run(up(options, hooks=HOOKS))
    except ConfigurationError as error:
        sys.stdout.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
