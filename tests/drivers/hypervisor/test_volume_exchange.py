"""A real guest's disk moves to another place and stays the guest's; the old place is off limits then."""

import asyncio
import uuid
from pathlib import Path

import libvirt
import msgspec
import pytest
from tests.drivers.hypervisor.test_libvirt import capacity, encrypt, exported, live_definition, secrets_known

from cumulo.contracts.hypervisor import GuestSpec, PowerState, VolumeDisk
from cumulo.contracts.volumes import Exchange
from cumulo.core.drivers import Permanent, Temporary
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor, lasting
from cumulo.node.settings import Place

pytestmark = pytest.mark.engines

MIB = 1 << 20
MARKER = b"what the guest had written"


def written(file: Path) -> bytes:
    return file.read_bytes().rstrip(b"\x00")[-len(MARKER) :]


async def exchanged(driver: LibvirtHypervisor, server_id: str, volume_id: str, goal: VolumeDisk) -> None:
    """Have a disk exchanged, as sagas do: step by step."""
    async with asyncio.timeout(60):
        while await driver.exchange_volume(server_id, volume_id, goal) is not Exchange.DONE:  # noqa: ASYNC110  QEMU tells nobody
            await asyncio.sleep(0.05)


def another(disk: VolumeDisk, volume_id: str = "") -> VolumeDisk:
    return msgspec.structs.replace(disk, volume_id=volume_id or str(uuid.uuid4()))


async def test_a_disk_moves_with_its_content_and_waits_for_its_new_export_too(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path
):
    (tmp_path / "old").write_bytes(MARKER)
    async with (
        exported(tmp_path / "old", "vdb", MIB, "") as old,
        exported(tmp_path / "new", "vdb", MIB, "") as new,
    ):
        await hypervisor.ensure(spec)
        await hypervisor.attach_volume(spec.server_id, old)
        await exchanged(hypervisor, spec.server_id, old.volume_id, new)
        assert str(tmp_path / "new") in live_definition(place, spec.server_id)
        nodes = asked(place, spec.server_id, "query-named-block-nodes")
        assert len([node for node in nodes if node["node-name"].startswith("lasting-")]) == 1
    assert written(tmp_path / "new") == MARKER
    async with exported(tmp_path / "new", "vdb", 2 * MIB, "") as new:
        await hypervisor.resize_volume(spec.server_id, new, 2 * MIB)
        assert capacity(place, spec.server_id, "vdb") == 2 * MIB
        await hypervisor.remove(spec.server_id)


def asked(place: Place, server_id: str, command: str) -> list[dict[str, str]]:
    connection = libvirt.open(place.libvirt_uri)
    found: list[dict[str, str]] = lasting.ask(connection.lookupByUUIDString(server_id), command)
    connection.close()
    return found


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
async def test_another_volume_takes_the_place_and_is_known_by_its_own_name(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path, passphrase: str
):
    for name in ("old", "new"):
        if passphrase:
            await encrypt(tmp_path / name, passphrase)
    async with (
        exported(tmp_path / "old", "vda", MIB, passphrase) as old,
        exported(tmp_path / "new", "vda", MIB, passphrase) as there,
    ):
        new = another(there)
        await hypervisor.ensure(msgspec.structs.replace(spec, root=None, volumes=(old,)))
        await exchanged(hypervisor, spec.server_id, old.volume_id, new)
        assert secrets_known(place) == bool(passphrase)
        await exchanged(hypervisor, spec.server_id, old.volume_id, new)  # a second time changes nothing
        with pytest.raises(Permanent, match="has no volume"):
            await hypervisor.exchange_volume(spec.server_id, old.volume_id, another(old))
        await hypervisor.remove(spec.server_id)


async def test_what_a_guest_has_left_it_never_starts_with(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, tmp_path: Path
):
    async with (
        exported(tmp_path / "old", "vda", MIB, "") as old,
        exported(tmp_path / "new", "vda", MIB, "") as new,
    ):
        before = msgspec.structs.replace(spec, root=None, volumes=(old,))
        after = msgspec.structs.replace(before, volumes=(new,))
        await hypervisor.ensure(before)
        await exchanged(hypervisor, spec.server_id, old.volume_id, new)
        with pytest.raises(Temporary):
            await hypervisor.reboot(before, hard=True)
        assert (await hypervisor.reboot(after, hard=True)).power is PowerState.RUNNING
        await exchanged(hypervisor, spec.server_id, old.volume_id, old)  # and back again
        assert (await hypervisor.reboot(before, hard=True)).power is PowerState.RUNNING
        await hypervisor.remove(spec.server_id)


@pytest.mark.parametrize("changed", [False, True])
async def test_a_guest_that_went_off_tells_whether_it_had_changed_over(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, tmp_path: Path, changed: bool
):
    async with (
        exported(tmp_path / "old", "vdb", MIB, "") as old,
        exported(tmp_path / "new", "vdb", MIB, "") as there,
    ):
        await hypervisor.ensure(spec)
        await hypervisor.attach_volume(spec.server_id, old)
        new = another(there)
        if changed:
            await exchanged(hypervisor, spec.server_id, old.volume_id, new)
        else:
            await hypervisor.exchange_volume(spec.server_id, old.volume_id, new)
        await hypervisor.power_off(spec.server_id)
        if changed:
            found = await hypervisor.exchange_volume(spec.server_id, old.volume_id, new)
            assert found is Exchange.DONE
        else:
            with pytest.raises(Permanent, match="is off"):
                await hypervisor.exchange_volume(spec.server_id, old.volume_id, new)
            await hypervisor.keep_volume(spec.server_id, old.volume_id, new)
        await hypervisor.remove(spec.server_id)


async def test_a_copy_that_is_given_up_leaves_the_guest_where_it_was(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path
):
    async with (
        exported(tmp_path / "old", "vda", MIB, "") as old,
        exported(tmp_path / "new", "vda", MIB, "") as new,
    ):
        before = msgspec.structs.replace(spec, root=None, volumes=(old,))
        await hypervisor.ensure(before)
        assert await hypervisor.exchange_volume(spec.server_id, old.volume_id, new) is Exchange.NONE
        for _ in range(2):
            await hypervisor.keep_volume(spec.server_id, old.volume_id, new)
        definition = live_definition(place, spec.server_id)
        assert str(tmp_path / "old") in definition
        assert str(tmp_path / "new") not in definition
        assert (await hypervisor.reboot(before, hard=True)).power is PowerState.RUNNING
        await hypervisor.remove(spec.server_id)
        await hypervisor.keep_volume(spec.server_id, old.volume_id, new)


async def test_a_copy_that_fails_is_begun_anew_and_leaves_the_guest_where_it_was(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path
):
    """QEMU mirrors to devices of the same size only."""
    async with (
        exported(tmp_path / "old", "vda", MIB, "") as old,
        exported(tmp_path / "new", "vda", 2 * MIB, "") as new,
    ):
        await hypervisor.ensure(msgspec.structs.replace(spec, root=None, volumes=(old,)))
        begun = 0
        async with asyncio.timeout(60):
            while begun < 2:
                found = await hypervisor.exchange_volume(spec.server_id, old.volume_id, new)
                assert found in (Exchange.NONE, Exchange.COPYING)
                begun += found is Exchange.NONE
        await hypervisor.keep_volume(spec.server_id, old.volume_id, new)
        assert str(tmp_path / "old") in live_definition(place, spec.server_id)
        await hypervisor.remove(spec.server_id)
