"""The libvirt driver passes the contract with a real libvirtd and real (diskless) guests."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import libvirt
import msgspec
import pytest
from tests.drivers.hypervisor.conftest import SETTINGS

from cumulo.contracts.hypervisor import (
    DiskSpec,
    GuestMissing,
    GuestSpec,
    LifecycleEvent,
    PowerState,
    VolumeDisk,
)
from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor, disks
from cumulo.node.ports.wiring import NoWiring
from cumulo.node.settings import Place
from cumulo.testing.hypervisor import HypervisorContract, StopGuest, volume_in
from cumulo.testing.libvirtd import PrivateLibvirt
from cumulo.testing.metadata import a_guest

pytestmark = pytest.mark.engines

LUKS_HEADER = 2068480  # bytes, for AES with 256 bits


@pytest.fixture
def stop_guest(libvirt_daemon: PrivateLibvirt) -> StopGuest:
    async def stop(server_id: str) -> None:
        connection = libvirt.open(libvirt_daemon.uri)
        connection.lookupByUUIDString(server_id).destroy()
        connection.close()

    return stop


class TestLibvirt(HypervisorContract):
    pass


def pid_of(daemon: PrivateLibvirt, place: Place, server_id: str) -> str:
    name = place.domain_prefix + server_id
    return (daemon.state / f"libvirt/run/qemu/{name}.pid").read_text()


async def test_a_guest_that_does_not_let_go_keeps_its_volume(
    place: Place, hypervisor: LibvirtHypervisor, spec: GuestSpec, tmp_path: Path
):
    hasty = LibvirtHypervisor(
        "host1", place, NoWiring(), msgspec.structs.replace(SETTINGS, unplug_timeout=0.1)
    )
    await hasty.start()
    disk = volume_in(tmp_path)
    await hasty.ensure(spec)  # no system runs in it that could answer
    await hasty.attach_volume(spec.server_id, disk)
    with pytest.raises(Permanent, match="did not let go"):
        await hasty.detach_volume(spec.server_id, disk.volume_id)
    await hasty.stop()
    definition = live_definition(place, spec.server_id)
    assert disk.volume_id in definition
    assert "<total_iops_sec>100</total_iops_sec>" in definition
    del hypervisor


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
async def test_a_guest_outlives_its_volumes_daemon_and_sees_the_volume_grow(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path, passphrase: str
):
    file = tmp_path / "volume"
    if passphrase:
        await encrypt(file, passphrase)
    async with exported(file, "vda", 1 << 20, passphrase) as first:
        both = msgspec.structs.replace(spec, root=None, volumes=(first,))
        await hypervisor.ensure(both)  # from the start
        async with exported(tmp_path / "second", "vdb", 1 << 20, "") as second:
            await hypervisor.attach_volume(spec.server_id, second)  # while it runs
            assert capacity(place, spec.server_id, "vdb") == 1 << 20
    async with (
        exported(file, "vda", 2 << 20, passphrase) as first,
        exported(tmp_path / "second", "vdb", 3 << 20, "") as second,
    ):
        await hypervisor.resize_volume(spec.server_id, second, 3 << 20)
        await hypervisor.resize_volume(spec.server_id, first, 2 << 20)
        assert capacity(place, spec.server_id, "vda") == 2 << 20
        assert capacity(place, spec.server_id, "vdb") == 3 << 20
        await hypervisor.ensure(both)
        await hypervisor.remove(spec.server_id)


async def encrypt(file: Path, passphrase: str) -> None:
    """Make a LUKS volume of 1 MiB."""
    key = file.with_suffix(".key")
    key.write_text(passphrase, encoding="ascii")
    secret = ("--object", f"secret,id=key,file={key}")
    options = "key-secret=key,hash-alg=sha512,iter-time=10"
    await run("qemu-img", "create", "-q", *secret, "-f", "luks", "-o", options, str(file), "1M")
    assert file.stat().st_size == (1 << 20) + LUKS_HEADER


@asynccontextmanager
async def exported(file: Path, device: str, size: int, passphrase: str) -> AsyncIterator[VolumeDisk]:
    """Have a daemon export a file at a socket that stays the same; killed at the end."""
    socket = file.with_suffix(".sock")
    header = LUKS_HEADER if passphrase else 0
    with file.open("ab") as opened:
        opened.truncate(size + header)
    daemon = await asyncio.create_subprocess_exec(
        *("qemu-storage-daemon", "--blockdev", f"driver=file,filename={file},node-name=disk"),
        *("--nbd-server", f"addr.type=unix,addr.path={socket}"),
        *("--export", "type=nbd,id=e,node-name=disk,name=v,writable=on"),
    )
    async with asyncio.timeout(30):
        while not socket.exists():  # noqa: ASYNC110  the daemon tells nobody
            await asyncio.sleep(0.05)
    access = BlockAccess(
        protocol="nbd",
        path=str(socket),
        name="v",
        format="luks" if passphrase else "raw",
        passphrase=passphrase,
    )
    try:
        yield VolumeDisk(volume_id=str(uuid.uuid5(uuid.NAMESPACE_OID, device)), access=access, device=device)
    finally:
        daemon.kill()
        await daemon.wait()
        socket.unlink(missing_ok=True)


def capacity(place: Place, server_id: str, device: str) -> int:
    connection = libvirt.open(place.libvirt_uri)
    size = int(connection.lookupByUUIDString(server_id).blockInfo(device)[0])
    connection.close()
    return size


async def test_a_luks_volumes_passphrase_is_known_to_libvirtd_only_while_it_is_needed(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path
):
    disk = await luks_volume(tmp_path)
    await hypervisor.ensure(msgspec.structs.replace(spec, volumes=(disk,)))
    assert "luks" in live_definition(place, spec.server_id)
    assert secrets_known(place) == 1
    written = [path for path in place.state.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    assert not [path for path in written if b"open sesame" in path.read_bytes()]
    await hypervisor.remove(spec.server_id)
    assert secrets_known(place) == 0


def live_definition(place: Place, server_id: str) -> str:
    connection = libvirt.open(place.libvirt_uri)
    definition = str(connection.lookupByUUIDString(server_id).XMLDesc())
    connection.close()
    return definition


def secrets_known(place: Place) -> int:
    connection = libvirt.open(place.libvirt_uri)
    number = len(connection.listAllSecrets())
    connection.close()
    return number


async def luks_volume(folder: Path) -> VolumeDisk:
    disk = volume_in(folder)
    key = folder / "key"
    key.write_text("open sesame", encoding="ascii")
    secret = f"secret,id=key,file={key}"
    words = (
        "--object",
        secret,
        "-f",
        "luks",
        "-o",
        "key-secret=key,hash-alg=sha512,iter-time=10",
        disk.access.path,
        "1M",
    )
    await run("qemu-img", "create", "-q", *words)
    access = msgspec.structs.replace(disk.access, format="luks", passphrase="open sesame")
    return msgspec.structs.replace(disk, access=access)


async def test_guests_do_not_notice_a_restart_of_libvirtd(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, libvirt_daemon: PrivateLibvirt, place: Place
):
    await hypervisor.ensure(spec)
    before = pid_of(libvirt_daemon, place, spec.server_id)
    await asyncio.to_thread(libvirt_daemon.stop)
    starting = asyncio.to_thread(libvirt_daemon.start)
    state, _ = await asyncio.gather(hypervisor.describe(spec.server_id), starting)
    assert state.power is PowerState.RUNNING
    assert pid_of(libvirt_daemon, place, spec.server_id) == before
    assert (await hypervisor.power_off(spec.server_id)).power is PowerState.SHUTDOWN


async def test_guests_do_not_notice_a_restart_of_ours(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, libvirt_daemon: PrivateLibvirt, place: Place
):
    await hypervisor.ensure(spec)
    before = pid_of(libvirt_daemon, place, spec.server_id)
    second = LibvirtHypervisor("host1", place, NoWiring(), SETTINGS)
    heard: asyncio.Queue[LifecycleEvent] = asyncio.Queue()
    second.subscribe(heard.put)
    await second.start()
    assert (await second.ensure(spec)).power is PowerState.RUNNING
    async with asyncio.timeout(30):
        event = await heard.get()  # what runs already is told at the first connection
    assert (event.server_id, event.power) == (spec.server_id, PowerState.RUNNING)
    assert pid_of(libvirt_daemon, place, spec.server_id) == before
    await second.stop()


async def test_a_guest_has_its_image_config_drive_screen_and_no_traces_when_removed(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, place: Place, tmp_path: Path
):
    image = tmp_path / "image"
    await run("qemu-img", "create", "-q", "-f", "qcow2", str(image), "1M")
    spec = msgspec.structs.replace(
        spec,
        root=DiskSpec(image_id="i", image_path=str(image), image_digest="ab" * 64, size_gib=1),
        config_drive=a_guest(),
    )
    await hypervisor.ensure(spec)
    folder = place.server(spec.server_id)
    assert {"disk.qcow2", "config.iso", "console.log"} <= {file.name for file in folder.iterdir()}
    address = await hypervisor.console(spec.server_id)
    reader, writer = await asyncio.open_unix_connection(address.socket_path)
    assert (await reader.readexactly(4)) == b"RFB "
    writer.close()
    port = await hypervisor.console(spec.server_id, serial=True)
    assert Path(port.terminal).is_char_device()
    await hypervisor.power_off(spec.server_id)
    with pytest.raises(GuestMissing):
        await hypervisor.console(spec.server_id, serial=True)
    assert (await disks.inspect(folder / "disk.qcow2", "qcow2")).virtual_size == 1 << 30
    await hypervisor.remove(spec.server_id)
    assert not folder.exists()
    assert not Path(address.socket_path).exists()
    left = [file for file in place.state.rglob(f"*{spec.server_id}*") if file.parent != place.fences]
    assert left == []


async def test_an_image_that_is_gone_does_not_hinder_a_restart(
    hypervisor: LibvirtHypervisor, spec: GuestSpec, tmp_path: Path
):
    image = tmp_path / "image"
    await run("qemu-img", "create", "-q", "-f", "raw", str(image), "1M")
    root = DiskSpec(image_id="i", image_path=str(image), image_format="raw", image_digest="cd" * 64)
    spec = msgspec.structs.replace(spec, root=root)
    await hypervisor.ensure(spec)
    await hypervisor.power_off(spec.server_id)
    image.unlink()
    spec = msgspec.structs.replace(spec, root=msgspec.structs.replace(root, image_path=None))
    assert (await hypervisor.power_on(spec)).power is PowerState.RUNNING


async def test_an_id_that_is_a_path_is_refused(hypervisor: LibvirtHypervisor, spec: GuestSpec):
    with pytest.raises(Permanent):
        await hypervisor.ensure(msgspec.structs.replace(spec, server_id="../../etc"))
    with pytest.raises(Permanent):
        await hypervisor.remove("..")
