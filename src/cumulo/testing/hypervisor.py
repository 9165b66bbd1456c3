"""What every hypervisor driver must do: the contract suite that the fake and the real ones pass.

A test module subclasses `HypervisorContract` and gives three fixtures: `hypervisor`, a started
driver with no guests; `spec`, a `GuestSpec` that the driver can run; and `stop_guest`, an async
function that makes a guest stop as if by itself, given its server id.
"""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from cumulo.contracts.hypervisor import (
    GuestMissing,
    GuestSpec,
    GuestState,
    LifecycleEvent,
    LocalDisk,
    PowerState,
    RescueSpec,
    VolumeDisk,
)
from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Gone, Permanent, Unsupported
from cumulo.node.hypervisor.driver import HypervisorDriver

StopGuest = Callable[[str], Awaitable[None]]


def volume_in(folder: Path) -> VolumeDisk:
    """Return a disk whose volume is an empty file in `folder`."""
    file = folder / "volume.raw"
    file.write_bytes(b"")
    os.truncate(file, 1 << 20)
    access = BlockAccess(protocol="file", path=str(file))
    return VolumeDisk(
        volume_id=str(uuid.uuid4()), access=access, device="vdb", limits={"total_iops_sec": 100}
    )


class GuestContract:
    """What every guest can, be it a machine or a container."""

    async def test_report_says_what_the_host_has(self, hypervisor: HypervisorDriver) -> None:
        """A host without memory, processors or disk could never be scheduled on."""
        report = await hypervisor.report()
        assert report.host
        assert report.vcpus > 0
        assert report.memory_mib > 0
        assert report.disk_gib > 0
        assert "COMPUTE_NODE" in report.traits
        msgspec.json.decode(report.cpu_info, type=dict)

    async def test_an_unknown_guest_is_missing(self, hypervisor: HypervisorDriver) -> None:
        """Asking, stopping and removing what is gone succeeds; what needs a guest says so."""
        unknown = str(uuid.uuid4())
        assert (await hypervisor.describe(unknown)).power is PowerState.MISSING
        assert (await hypervisor.power_off(unknown)).power is PowerState.MISSING
        await hypervisor.remove(unknown)
        for verb in (hypervisor.pause, hypervisor.unpause, hypervisor.console):
            with pytest.raises(GuestMissing):
                await verb(unknown)
        with pytest.raises(GuestMissing):
            await hypervisor.console_log(unknown)

    async def test_ensure_runs_a_guest_and_may_be_repeated(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """A second `ensure` finds the first one's guest."""
        expected = GuestState(server_id=spec.server_id, power=PowerState.RUNNING)
        assert await hypervisor.ensure(spec) == expected
        assert await hypervisor.ensure(spec) == expected
        assert await hypervisor.describe(spec.server_id) == expected
        assert [state.server_id for state in await hypervisor.guests()] == [spec.server_id]

    async def test_remove_leaves_nothing_and_may_be_repeated(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """A removed guest is as one that never was."""
        await hypervisor.ensure(spec)
        await hypervisor.remove(spec.server_id)
        await hypervisor.remove(spec.server_id)
        assert (await hypervisor.describe(spec.server_id)).power is PowerState.MISSING
        assert await hypervisor.guests() == []

    async def test_a_disk_is_set_aside_put_back_and_let_go(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """Each may be repeated, and each but the last stops the guest."""
        await hypervisor.ensure(spec)
        for verb in (hypervisor.keep_disk, hypervisor.restore_disk):
            for _ in range(2):
                await verb(spec.server_id)
            assert (await hypervisor.describe(spec.server_id)).power is PowerState.SHUTDOWN
            assert (await hypervisor.power_on(spec)).power is PowerState.RUNNING
        await hypervisor.keep_disk(spec.server_id)
        for _ in range(2):
            await hypervisor.release_disk(spec.server_id)

    async def test_a_guest_is_rebuilt_and_grows(self, hypervisor: HypervisorDriver, spec: GuestSpec) -> None:
        """A larger disk is made larger at the next start; a rebuild makes it anew."""
        await hypervisor.ensure(spec)
        assert spec.root is not None
        root = msgspec.structs.replace(spec.root, size_gib=max(spec.root.size_gib, 1) + 1)
        larger = msgspec.structs.replace(spec, root=root)
        await hypervisor.power_off(spec.server_id)
        assert (await hypervisor.power_on(larger)).power is PowerState.RUNNING
        for _ in range(2):
            assert (await hypervisor.rebuild(spec)).power is PowerState.RUNNING

    async def test_power_goes_off_and_on_again(self, hypervisor: HypervisorDriver, spec: GuestSpec) -> None:
        """Off twice, then on twice."""
        await hypervisor.ensure(spec)
        for _ in range(2):
            state = await hypervisor.power_off(spec.server_id)
            assert state.power is PowerState.SHUTDOWN
        for _ in range(2):
            state = await hypervisor.power_on(spec)
            assert state.power is PowerState.RUNNING

    async def test_power_on_makes_a_guest_that_the_host_lost(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """A definition that vanished is made again from the spec."""
        assert (await hypervisor.power_on(spec)).power is PowerState.RUNNING

    async def test_reboots_end_with_a_running_guest(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """Hard and soft (which falls back to hard), of a running and of a stopped guest."""
        await hypervisor.ensure(spec)
        assert (await hypervisor.reboot(spec, hard=True)).power is PowerState.RUNNING
        assert (await hypervisor.reboot(spec, hard=False)).power is PowerState.RUNNING
        await hypervisor.power_off(spec.server_id)
        assert (await hypervisor.reboot(spec, hard=False)).power is PowerState.RUNNING

    async def test_pause_and_unpause_may_be_repeated(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """A frozen guest stays frozen, a running one runs."""
        await hypervisor.ensure(spec)
        for _ in range(2):
            assert (await hypervisor.pause(spec.server_id)).power is PowerState.PAUSED
        for _ in range(2):
            assert (await hypervisor.unpause(spec.server_id)).power is PowerState.RUNNING

    async def test_the_console_log_can_be_cut_to_its_last_lines(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """`lines=0` is nothing, and one line is at most one line."""
        await hypervisor.ensure(spec)
        assert isinstance(await hypervisor.console_log(spec.server_id), str)
        assert await hypervisor.console_log(spec.server_id, lines=0) == ""
        assert len((await hypervisor.console_log(spec.server_id, lines=1)).splitlines()) <= 1

    async def test_an_older_fence_is_refused(self, hypervisor: HypervisorDriver, spec: GuestSpec) -> None:
        """A worker that lost its lease changes nothing, even after the guest was removed."""
        await hypervisor.ensure(spec, fence=7)
        with pytest.raises(Permanent):
            await hypervisor.remove(spec.server_id, fence=6)
        assert (await hypervisor.describe(spec.server_id)).power is PowerState.RUNNING
        await hypervisor.remove(spec.server_id, fence=8)
        with pytest.raises(Permanent):
            await hypervisor.ensure(spec, fence=7)
        assert (await hypervisor.describe(spec.server_id)).power is PowerState.MISSING

    async def test_changes_are_told_to_listeners(
        self, hypervisor: HypervisorDriver, spec: GuestSpec, stop_guest: StopGuest
    ) -> None:
        """A guest that stops by itself is heard of."""
        heard: asyncio.Queue[LifecycleEvent] = asyncio.Queue()
        hypervisor.subscribe(heard.put)
        await hypervisor.ensure(spec)
        await stop_guest(spec.server_id)
        async with asyncio.timeout(30):
            while (event := await heard.get()).power is not PowerState.SHUTDOWN:
                pass
        assert event.server_id == spec.server_id


class HypervisorContract(GuestContract):
    """The tests for machines; subclass as `class TestMyDriver(HypervisorContract)`."""

    async def test_a_running_guest_gets_a_volume_once(
        self, hypervisor: HypervisorDriver, spec: GuestSpec, tmp_path: Path
    ) -> None:
        """A second request for the same volume changes nothing; an unknown guest is missing."""
        disk = volume_in(tmp_path)
        await hypervisor.ensure(spec)
        for _ in range(2):
            await hypervisor.attach_volume(spec.server_id, disk)
        assert (await hypervisor.describe(spec.server_id)).power is PowerState.RUNNING
        with pytest.raises(GuestMissing):
            await hypervisor.attach_volume(str(uuid.uuid4()), disk)

    async def test_a_guest_boots_from_a_volume_and_starts_again_without_another(
        self, hypervisor: HypervisorDriver, spec: GuestSpec, tmp_path: Path
    ) -> None:
        """The spec of each start says which disks the guest has; one that is off needs no unplugging."""
        disk = msgspec.structs.replace(volume_in(tmp_path), device="vda")
        volumes = msgspec.structs.replace(spec, root=None, volumes=(disk,))
        assert (await hypervisor.ensure(volumes)).power is PowerState.RUNNING
        await hypervisor.power_off(spec.server_id)
        for _ in range(2):
            await hypervisor.detach_volume(spec.server_id, disk.volume_id)
        assert (await hypervisor.power_on(spec)).power is PowerState.RUNNING
        await hypervisor.detach_volume(str(uuid.uuid4()), disk.volume_id)

    async def test_a_guests_disk_is_kept_while_it_runs_and_while_it_is_off(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """A snapshot is read in pieces, made anew by a second call, and gone when dropped."""
        await hypervisor.ensure(spec)
        name = str(uuid.uuid4())
        for off in (False, True):
            if off:
                await hypervisor.power_off(spec.server_id)
            size = await hypervisor.snapshot(spec.server_id, name)
            whole = await hypervisor.read_snapshot(spec.server_id, name, 0, 1 << 22)
            assert len(whole) == size
            assert await hypervisor.read_snapshot(spec.server_id, name, 2, 3) == whole[2:5]
            assert await hypervisor.read_snapshot(spec.server_id, name, size, 9) == b""
        for _ in range(2):
            await hypervisor.drop_snapshot(spec.server_id, name)
        with pytest.raises(Gone):
            await hypervisor.read_snapshot(spec.server_id, name, 0, 1)
        with pytest.raises(GuestMissing):
            await hypervisor.snapshot(str(uuid.uuid4()), name)

    async def test_a_suspended_guest_goes_on_and_a_hard_reboot_forgets_its_memory(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """Suspended twice it is off; started it runs again, by its memory or anew."""
        await hypervisor.ensure(spec)
        for again in (hypervisor.power_on(spec), hypervisor.reboot(spec, hard=True)):
            for _ in range(2):
                assert (await hypervisor.suspend(spec.server_id)).power is PowerState.SHUTDOWN
            assert (await again).power is PowerState.RUNNING

    @pytest.mark.parametrize("stable", [False, True])
    async def test_a_guest_is_rescued_and_boots_from_its_own_disk_again(
        self, hypervisor: HypervisorDriver, spec: GuestSpec, stable: bool
    ) -> None:
        """A rescue is a hard reboot by a spec that says so."""
        await hypervisor.ensure(spec)
        assert spec.root is not None
        disk = msgspec.structs.replace(spec.root, bus="scsi" if stable else spec.root.bus)
        rescued = msgspec.structs.replace(spec, rescue=RescueSpec(disk=disk, stable=stable))
        for each in (rescued, spec):
            assert (await hypervisor.reboot(each, hard=True)).power is PowerState.RUNNING

    async def test_a_disk_comes_from_another_host_in_pieces(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """What one server's snapshot holds becomes another's disk; the last piece may come twice."""
        await hypervisor.ensure(spec)
        name = str(uuid.uuid4())
        size = await hypervisor.snapshot(spec.server_id, name)
        other = msgspec.structs.replace(spec, server_id=str(uuid.uuid4()))
        half = size // 2
        first = await hypervisor.read_snapshot(spec.server_id, name, 0, half)
        await hypervisor.receive_disk(other.server_id, 0, first, last=False)
        rest = await hypervisor.read_snapshot(spec.server_id, name, half, size)
        for _ in range(2):
            await hypervisor.receive_disk(other.server_id, half, rest, last=True)
        await hypervisor.power_off(spec.server_id)
        assert (await hypervisor.power_on(other)).power is PowerState.RUNNING

    async def test_a_local_disk_comes_from_another_host(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """As the root does, but of a guest that is off; swap is not worth it."""
        local = LocalDisk(name="ephemeral0", size_mib=16, format="ext4", device="vdb")
        spec = msgspec.structs.replace(spec, local_disks=(local,))
        await hypervisor.ensure(spec)
        await hypervisor.power_off(spec.server_id)
        other = msgspec.structs.replace(spec, server_id=str(uuid.uuid4()))
        for disk in ("", "ephemeral0"):
            name = f"{uuid.uuid4()}-{disk}"
            size = await hypervisor.snapshot(spec.server_id, name, disk=disk)
            for _ in range(2):
                whole = await hypervisor.read_snapshot(spec.server_id, name, 0, size)
                await hypervisor.receive_disk(other.server_id, 0, whole, last=True, disk=disk)
        assert (await hypervisor.power_on(other)).power is PowerState.RUNNING

    async def test_a_running_guest_tells_what_it_counts(
        self, hypervisor: HypervisorDriver, spec: GuestSpec
    ) -> None:
        """One that does not run counts nothing; a crash leaves it its machine."""
        await hypervisor.ensure(spec)
        found = await hypervisor.diagnose(spec.server_id)
        assert len(found.cpu_times) == spec.vcpus
        await hypervisor.crash(spec.server_id)
        await hypervisor.power_off(spec.server_id)
        with pytest.raises(GuestMissing):
            await hypervisor.diagnose(spec.server_id)
        with pytest.raises(Unsupported):
            await hypervisor.set_password(spec.server_id, "root", "secret")
        assert "up" in await hypervisor.uptime()

    async def test_the_console_has_an_address(self, hypervisor: HypervisorDriver, spec: GuestSpec) -> None:
        """A Unix socket's path, short enough for the kernel (107 bytes)."""
        await hypervisor.ensure(spec)
        address = await hypervisor.console(spec.server_id)
        assert address.socket_path.startswith("/")
        assert len(address.socket_path.encode()) < 108
        port = await hypervisor.console(spec.server_id, serial=True)
        assert (port.socket_path, port.terminal[:1]) == ("", "/")
