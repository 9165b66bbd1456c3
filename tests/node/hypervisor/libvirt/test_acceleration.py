from pathlib import Path

import msgspec
import pytest

from cumulo.node.hypervisor.libvirt import acceleration
from cumulo.node.hypervisor.libvirt.acceleration import Finding


@pytest.mark.engines
async def test_the_test_guest_executes_where_guests_can():
    assert await acceleration.executes("tcg", seconds=30)


@pytest.mark.engines
async def test_an_accelerator_that_does_not_exist_executes_nothing():
    assert not await acceleration.executes("nonsense")


async def test_an_emulator_that_is_not_installed_executes_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(acceleration, "EMULATOR", "no-such-emulator")
    assert not await acceleration.executes("tcg")


async def test_a_device_without_its_module_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(acceleration, "MODULES", (tmp_path / "kvm_intel",))
    monkeypatch.setattr(acceleration, "DEVICE", Path("/dev/null"))
    finding = await acceleration.kvm(tmp_path / "kvm.json")
    assert not finding.usable
    assert "kvm_intel" in finding.reason


async def test_a_device_that_hangs_every_guest_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A program that never ends stands for the emulator."""
    program = tmp_path / "hangs"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(acceleration, "EMULATOR", str(program))
    monkeypatch.setattr(acceleration, "MODULES", (tmp_path,))
    monkeypatch.setattr(acceleration, "DEVICE", Path("/dev/null"))
    monkeypatch.setattr(acceleration, "PATIENCE", 0.05)
    assert not await acceleration.executes("kvm", seconds=0.05)


async def test_the_answer_is_kept_until_the_next_boot(tmp_path: Path):
    cache = tmp_path / "kvm.json"
    boot_id = acceleration.BOOT_ID.read_text().strip()
    cache.write_bytes(msgspec.json.encode(Finding(boot_id, True, "a test guest ran")))
    assert (await acceleration.kvm(cache)).usable
    cache.write_bytes(msgspec.json.encode(Finding("an earlier boot", True, "a test guest ran")))
    found = await acceleration.kvm(cache)
    assert found.boot_id == boot_id
