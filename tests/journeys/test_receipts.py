"""Receipts of real pictures: signed by the running gateway, checked by the command as a stranger has it."""

import json
import os
from pathlib import Path

from domain.receipts.containers import extract
from tests.journeys.conftest import MakeTenant
from tests.systems.commands import Done, command
from tests.systems.signing import key_of
from tests.systems.system import System
from tests.systems.tenants import ONE, Tenant

SYSTEM = "solo"
ROOT = Path(__file__).parents[2]


async def audit(*arguments: str, cwd: Path, **environ: str) -> Done:
    """Run `exemplar audit` in a process without settings but the given ones."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    return await command("audit", *arguments, env=env, cwd=cwd)


async def completed(system: System, tenant: Tenant, folder: Path) -> str:
    """Make a picture, and have the log signed by the operator's command."""
    name = str((await tenant.submit()).body["id"])
    await tenant.completed(name)
    named = {name: system.env[name] for name in ("EXEMPLAR_MONGODB_URL", "EXEMPLAR_CHECKPOINT_KEY")}
    assert (await audit("checkpoint", cwd=folder, **named)).code == 0
    return name


def save(file: Path, data: bytes) -> None:
    file.write_bytes(data)


async def checked(picture: bytes, system: System, folder: Path, *more: str) -> Done:
    save(folder / "picture", picture)
    return await audit("check-receipt", "picture", "--key", str(key_of(system).public), *more, cwd=folder)


async def test_a_picture_travels_with_its_receipt(system: System, new_tenant: MakeTenant, tmp_path: Path) -> None:
    tenant = await new_tenant()
    name = await completed(system, tenant, tmp_path)
    plain = await tenant.get(f"{ONE}/{name}/images/0")
    variant = await tenant.get(f"{ONE}/{name}/images/0?receipt=embedded")
    done = await checked(variant.data, system, tmp_path)
    assert done.code == 0, done.out
    found = extract(variant.data)
    assert found is not None
    assert found.original == plain.data
    middle = len(variant.data) // 2
    flipped = variant.data[:middle] + bytes((variant.data[middle] ^ 4,)) + variant.data[middle + 1 :]
    assert (await checked(flipped, system, tmp_path)).code == 1


async def test_the_receipt_of_an_erased_generation_stays_green(
    system: System, new_tenant: MakeTenant, tmp_path: Path
) -> None:
    tenant = await new_tenant()
    name = await completed(system, tenant, tmp_path)
    receipt = await tenant.get(f"{ONE}/{name}/receipt")
    plain = await tenant.get(f"{ONE}/{name}/images/0")
    save(tmp_path / "receipt.json", receipt.data)
    assert json.loads(receipt.data)["personal_data"]["instructions"]
    async with tenant.session.delete(f"{tenant.base_url}{ONE}/{name}", headers=tenant.headers) as erased:
        assert erased.status == 200
    assert (await tenant.get(f"{ONE}/{name}/receipt")).status == 410
    done = await checked(plain.data, system, tmp_path, "--receipt", "receipt.json")
    assert done.code == 0, done.out
