"""Every secret of a running system is replaced, process by process, and nothing breaks (docs/operations.md)."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.receipts.check import check_receipt
from tests.journeys.rotation import Rotation, rotated
from tests.systems.commands import run_command
from tests.systems.databases import Databases
from tests.systems.secret_sets import SecretSet, environment
from tests.systems.servers import RabbitServer
from tests.systems.system import opened_system
from tests.systems.webhook_receiver import Received


@pytest.fixture(scope="module")
def rotation(
    databases: Databases, rabbit_server: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rotation]:
    """What a client of a system of its own saw while all secrets were replaced."""
    home = tmp_path_factory.mktemp("rotation")
    with rabbit_server.lent("rotation") as amqp_url, opened_system(home, databases, amqp_url) as system:
        old, new = SecretSet(1, pepper=system.secrets.key_pepper), SecretSet(2)
        for name in ("gateway", "worker", "scheduler"):
            system.program(name, name, **environment(old, new))
        system.start()
        yield rotated(system, old, new)


@pytest.mark.parametrize(("secret", "expected"), [
    ("jwt", {200}),
    ("id", {200, "same"}),
    ("pepper", {202}),
    ("operator", {200}),
])  # fmt: skip
def test_what_one_gateway_made_is_accepted_by_every_other(
    rotation: Rotation, secret: str, expected: set[int | str]
) -> None:
    assert set(rotation.answers[secret]) == expected


def test_callbacks_of_generations_under_way_are_accepted_and_nothing_is_paid_twice(rotation: Rotation) -> None:
    answers = {status for _, status in rotation.callbacks} - {0}  # 0: the gateway was restarting, and is called again
    assert answers == {200}
    assert rotation.callbacks.total() > len(rotation.creations)
    assert set(rotation.creations.values()) == {1}


def test_webhooks_are_signed_with_the_secrets_that_receivers_have(rotation: Rotation) -> None:
    signed, received = rotation.answers["webhooks"]
    assert signed == received


def test_public_keys_that_were_read_before_a_step_verify_the_webhooks_after_it(rotation: Rotation) -> None:
    known = [Ed25519PublicKey.from_public_bytes(_raw(key["x"])) for key in rotation.public_keys[-1]]
    assert len(known) == 2
    assert all(any(_verifies(key, one) for key in known) for one in rotation.receiver.requests)


def test_receipts_from_before_and_after_verify_with_the_keys_of_the_end(rotation: Rotation) -> None:
    trusted = [one for kind in (rotation.old, rotation.new) for one in (kind.checkpoint_key, kind.receipt_key)]
    for picture, receipt in rotation.receipts.values():
        assert all(check.passed for check in check_receipt(picture, [key.public for key in trusted], receipt))
    signers = {name: _signer(receipt, rotation) for name, (_, receipt) in rotation.receipts.items()}
    assert signers == {"before": rotation.old, "after": rotation.new}


def test_the_log_verifies_over_the_change_of_its_key(rotation: Rotation, tmp_path: Path) -> None:
    named = environment(rotation.new, former=rotation.old)
    env = {**rotation.system.env, **named}
    assert run_command("audit", "verify", env=env, cwd=tmp_path).code == 0
    alone = {**env, "EXEMPLAR_CHECKPOINT_RETIRED_KEYS": "[]"}
    assert run_command("audit", "verify", "--no-pictures", env=alone, cwd=tmp_path).code == 1


def test_what_the_old_secrets_made_is_refused_at_the_end(rotation: Rotation) -> None:
    token, link, generations, operator = rotation.answers["forgotten"]
    assert (token, link, generations, operator) == (401, 401, 0, 403)


def test_no_secret_is_logged(rotation: Rotation) -> None:
    secrets = [value for one in (rotation.old, rotation.new) for value in vars(one).values() if isinstance(value, str)]
    for file in (rotation.system.home / "logs").glob("*.log"):
        text = file.read_text()
        assert [secret for secret in secrets if secret in text] == [], file.name


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def _verifies(key: Ed25519PublicKey, received: Received) -> bool:
    head = f"{received.id}.{received.headers['webhook-timestamp']}.".encode()
    signatures = [one.partition(",")[2] for one in received.headers["webhook-signature"].split() if one[:4] == "v1a,"]
    return any(_is_of(key, base64.b64decode(signature), head + received.body) for signature in signatures)


def _is_of(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _signer(receipt: str, rotation: Rotation) -> SecretSet | None:
    sets = (rotation.old, rotation.new)
    return next((one for one in sets if one.receipt_key.key_id.hex() in _key_ids(receipt)), None)


def _key_ids(receipt: str) -> set[str]:

    signature = json.loads(receipt)["signature"]
    return {base64.b64decode(signature.rpartition(" ")[2])[:4].hex()}
