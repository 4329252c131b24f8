"""`exemplar audit check-receipt` as a stranger runs it: with the picture and the public key alone."""

import json
import os
from pathlib import Path

import pytest

from domain.receipts.containers import embedded
from tests.builders.pictures import saved, shot
from tests.builders.receipts import KEY, RECEIPT_KEY, made, personal_data
from tests.exemplar.commands.audit_command import Result, Run
from tests.systems.commands import run_command

PICTURE = saved(shot(size=(48, 32)), "PNG")
MADE = made(PICTURE)
ROOT = Path(__file__).parents[3]
CHECKS = ["receipt", "picture", "key", "signature", "checkpoint", "inclusion", "event"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    file.write_bytes(embedded(PICTURE, MADE.receipt().text(), marked=True))
    return file


def save(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def flip(file: Path, at: int) -> None:
    """Flip one bit of a file."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    save(file, bytes(data))


def offline(*arguments: str, cwd: Path, **environ: str) -> Result:
    """Run the command in a process of its own without any settings or server."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    return Result(*run_command("audit", "check-receipt", *arguments, env=env, cwd=cwd))


def test_a_picture_and_the_public_key_suffice(picture: Path) -> None:
    done = offline(str(picture), "--key", str(KEY.public), cwd=picture.parent)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in CHECKS]
    answer = json.loads(offline(str(picture), "--key", str(KEY.public), "--json", cwd=picture.parent).stdout)
    assert (answer["ok"], answer["fault"]) == (True, None)
    assert [check["name"] for check in answer["checks"]] == CHECKS


async def test_the_first_fault_ends_with_exit_code_1(run: Run, picture: Path) -> None:
    flip(picture, -30)
    done = await run("check-receipt", str(picture), "--key", str(KEY.public))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("FAULT  picture        its SHA-256 is not ")
    answer = json.loads((await run("check-receipt", str(picture), "--json", "--key", str(KEY.public))).stdout)
    assert (answer["ok"], answer["fault"].partition(":")[0], len(answer["checks"])) == (False, "picture", 2)


async def test_a_receipt_beside_the_picture_is_checked_with_its_personal_data(run: Run, tmp_path: Path) -> None:
    picture, receipt = tmp_path / "picture.png", tmp_path / "receipt.json"
    picture.write_bytes(PICTURE)
    receipt.write_text(MADE.receipt(personal=personal_data()).text())
    named = ("check-receipt", str(picture), "--receipt", str(receipt))
    done = await run(*named, "--key", str(KEY.public))
    assert done.returncode == 0
    assert "a quiet harbour" in done.stdout.splitlines()[-1]
    receipt.write_text(receipt.read_text().replace("quiet", "loud"))
    done = await run(*named, "--key", str(KEY.public))
    assert (done.returncode, done.stdout.splitlines()[-1].split()[:2]) == (1, ["FAULT", "signature"])


async def test_the_keys_of_the_settings_are_trusted_too(run: Run, picture: Path) -> None:
    assert (await run("check-receipt", str(picture))).returncode == 0
    seed = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
    printed = await run("key", "--receipts", EXEMPLAR_RECEIPT_KEY=seed)
    assert printed.stdout == f"{RECEIPT_KEY.public}\n"
    save(picture, embedded(PICTURE, MADE.receipt(signer=RECEIPT_KEY).text(), marked=True))
    assert (await run("check-receipt", str(picture), EXEMPLAR_RECEIPT_KEY=seed)).returncode == 0
    keys = ("--key", str(KEY.public), "--key", str(RECEIPT_KEY.public))
    assert (await run("check-receipt", str(picture), *keys)).returncode == 0
    assert (await run("check-receipt", str(picture), EXEMPLAR_RECEIPT_KEY="")).returncode == 1


@pytest.mark.parametrize("content", [b"", b"no picture", PICTURE, PICTURE[:40]])
async def test_a_picture_without_a_receipt_is_a_fault(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "picture").write_bytes(content)
    done = await run("check-receipt", str(tmp_path / "picture"), "--key", str(KEY.public))
    said = "FAULT  receipt        the picture holds no receipt, or what holds it was altered\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, said, "")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 50_000])
async def test_a_malformed_receipt_is_a_fault(run: Run, picture: Path, content: bytes) -> None:
    file = picture.with_name("receipt.json")
    file.write_bytes(content)
    done = await run("check-receipt", str(picture), "--receipt", str(file), "--key", str(KEY.public))
    assert (done.returncode, done.stdout.startswith("FAULT  receipt        no receipt: ")) == (1, True)


@pytest.mark.parametrize("key", ["", "x", "exemplar+00000000+AA==", str(KEY.public)[:-4]])
async def test_a_malformed_key_is_named(run: Run, picture: Path, key: str) -> None:
    done = await run("check-receipt", str(picture), "--key", key)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("exemplar: --key: ")


async def test_a_missing_file_is_named(run: Run, picture: Path) -> None:
    for arguments in (["nowhere.png"], [str(picture), "--receipt", "nowhere.json"], [str(picture.parent)]):
        done = await run("check-receipt", *arguments, "--key", str(KEY.public))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("exemplar: ")


def test_without_a_key_the_command_says_where_to_find_it(picture: Path) -> None:
    done = offline(str(picture), cwd=picture.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert "`exemplar audit key --receipts` prints it" in done.stderr
