"""C2PA manifests: the real library signs them and reads them back, and the receipt below still passes."""

import io
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from domain.receipts.containers import extract
from domain.receipts.manifests import without_manifest
from domain.receipts.receipt import AI_MADE
from exemplar.environment import ConfigurationError
from exemplar.gateway_wiring import create_gateway
from gateway.http.byte_budget import ByteBudget
from gateway.receipts.settings import ReceiptSettings
from tests.builders.certificates import Chain, chain
from tests.builders.made_once import MadeOnce
from tests.builders.pictures import half_transparent, saved, shot
from tests.gateway.receipts.conftest import Receipts, passes, second_gateway
from tests.gateway.receipts.test_variants import PICTURES, picture
from tests.systems.gateway import gateway_dependencies
from tests.systems.gateway_harness import ONE

c2pa = pytest.importorskip("c2pa", reason="c2pa-python is not installed: pip install exemplar[c2pa]")
pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES: Final = MadeOnce(
    {
        "JPEG": lambda: PICTURES["JPEG"],
        "PNG": lambda: PICTURES["PNG"],
        "WebP": lambda: PICTURES["WebP"],
        "WebP without metadata": lambda: PICTURES["WebP without metadata"],
        "WebP, transparent": lambda: half_transparent("WEBP"),
        "progressive JPEG": lambda: picture("JPEG", progressive=True),
        "PNG with a palette": lambda: saved(shot(size=(64, 48)).quantize(16), "PNG"),
    }
)


def settings_of(made: Chain, folder: Path) -> ReceiptSettings:
    (folder / "certificates.pem").write_bytes(made.certificates)
    (folder / "key.pem").write_bytes(made.key)
    files = {"c2pa_certificates": folder / "certificates.pem", "c2pa_key": folder / "key.pem"}
    return ReceiptSettings.model_validate({"checkpoint_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", **files})


async def fetch(receipts: Receipts, settings: ReceiptSettings, name: str) -> tuple[Mapping[str, str], bytes]:
    async with second_gateway(receipts, receipt_settings=settings) as client:
        path = f"{ONE}/{name}/images/0?receipt=c2pa"
        async with client.get(path, headers=receipts.person.token) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers, await answer.read()


def read(data: bytes, content_type: str, root: bytes) -> dict[str, Any]:
    """Read a manifest with the library, which trusts the root of the test."""
    trust = {"trust": {"user_anchors": root.decode()}, "verify": {"verify_trust": True}}
    with (
        c2pa.Context(c2pa.Settings.from_dict(trust)) as context,
        c2pa.Reader(content_type, io.BytesIO(data), context=context) as reader,
    ):
        found: dict[str, Any] = json.loads(reader.json())
    return found


@pytest.mark.parametrize("kind", FILES)
async def test_a_manifest_is_read_back_and_the_receipt_passes(receipts: Receipts, kind: str, tmp_path: Path) -> None:
    data = FILES[kind]
    made = chain()
    name = await receipts.signed(data)
    headers, signed = await fetch(receipts, settings_of(made, tmp_path), name)
    assert (headers["Cache-Control"], headers["Accept-Ranges"]) == ("private, no-store", "none")
    found = read(signed, headers["Content-Type"], made.root)
    assert found["validation_state"] == "Trusted", found
    manifest = found["manifests"][found["active_manifest"]]
    [actions] = [one["data"]["actions"] for one in manifest["assertions"] if one["label"].startswith("c2pa.actions")]
    assert (actions[0]["action"], actions[0]["digitalSourceType"]) == ("c2pa.created", AI_MADE)
    passes(signed)
    variant = extract(without_manifest(signed))
    assert variant is not None
    assert variant.original == data
    assert Image.open(io.BytesIO(signed)).tobytes() == Image.open(io.BytesIO(data)).tobytes()


@pytest.mark.parametrize("kind", ["P-384", "P-521", "Ed25519"])
async def test_keys_of_other_kinds_sign(receipts: Receipts, kind: str, tmp_path: Path) -> None:
    made = chain(kind)
    name = await receipts.signed(FILES["JPEG"])
    _, signed = await fetch(receipts, settings_of(made, tmp_path), name)
    assert read(signed, "image/jpeg", made.root)["validation_state"] == "Trusted"


async def test_a_picture_of_more_than_a_share_is_sent_too(receipts: Receipts, tmp_path: Path) -> None:
    large = saved(Image.frombytes("RGB", (1300, 1100), random.Random(1).randbytes(1300 * 1100 * 3)), "PNG")
    name = await receipts.signed(large)
    budget = ByteBudget(4 * 2**20, share=4 * 2**20, wait=0.05)
    settings = settings_of(chain(), tmp_path)
    async with second_gateway(receipts, receipt_settings=settings, download_budget=budget) as client:
        path, headers = f"{ONE}/{name}/images/0?receipt=c2pa", receipts.person.token
        async with client.get(path, headers=headers) as answer:
            data = await answer.read()
        async with client.head(path, headers=headers) as head:
            assert abs(int(head.headers["Content-Length"]) - len(data)) < 100
    passes(data)
    assert len(data) > len(large) > 4 * 2**20
    assert budget.free == 4 * 2**20


async def test_an_altered_picture_contradicts_its_manifest(receipts: Receipts, tmp_path: Path) -> None:
    made = chain()
    name = await receipts.signed(FILES["PNG"])
    _, signed = await fetch(receipts, settings_of(made, tmp_path), name)
    at = len(signed) - 100
    flipped = signed[:at] + bytes((signed[at] ^ 1,)) + signed[at + 1 :]
    assert read(flipped, "image/png", made.root)["validation_state"] == "Invalid"


async def test_without_certificates_there_are_no_manifests(receipts: Receipts) -> None:
    name = await receipts.signed()
    assert await receipts.refusal(f"{ONE}/{name}/images/0?receipt=c2pa") == (404, "receipts_disabled")


@pytest.mark.parametrize(
    ("key", "said"),
    [(b"no key", "no file of a private key"), (None, "No such file")],
)
async def test_a_wrong_key_stops_the_gateway_with_one_line(
    receipts: Receipts, key: bytes | None, said: str, tmp_path: Path
) -> None:
    settings = settings_of(chain(), tmp_path)
    if key is None:
        (tmp_path / "key.pem").unlink()
    else:
        (tmp_path / "key.pem").write_bytes(key)
    with pytest.raises(ConfigurationError, match=said):
        create_gateway(gateway_dependencies(receipts.gateway.store, receipts.gateway.clock, receipt_settings=settings))
