"""Containers are on the same switch as machines, by ports that OVN knows by their ids."""

import asyncio
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import libvirt
import pytest

from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, NicSpec, PowerState
from cumulo.node.commands import run
from cumulo.node.hypervisor.lxc.driver import LxcHypervisor
from cumulo.node.ports.switch import Switch
from cumulo.node.ports.wiring import SwitchWiring
from cumulo.node.settings import Place
from cumulo.testing import rootfs
from cumulo.testing.site import CLIENT, SERVER
from cumulo.testing.vswitch import PrivateSwitch

pytestmark = pytest.mark.engines

INSTANCE = f"{os.getpid() & 0xFFFF:04x}"
PORT = "4000"


@pytest.fixture
def a_switch() -> Iterator[PrivateSwitch]:
    folder = Path(tempfile.mkdtemp(prefix="lxc-"))
    switch = PrivateSwitch(folder, f"cu{folder.name[-4:]}-int")
    try:
        switch.start()
        yield switch
    finally:
        switch.remove()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def containers(place: Place, a_switch: PrivateSwitch) -> AsyncIterator[LxcHypervisor]:
    switch = Switch(a_switch.address, a_switch.bridge)
    await switch.start()
    driver = LxcHypervisor("host1", place, SwitchWiring(switch, INSTANCE))
    await driver.start()
    yield driver
    for state in await driver.guests():
        await driver.remove(state.server_id)
    await driver.stop()
    await switch.stop()


def spec(folder: Path, number: int) -> GuestSpec:
    image = folder / "root.tar.gz"
    nic = NicSpec(port_id=str(uuid.uuid4()), mac=f"fa:16:3e:00:00:{number:02x}", mtu=1442)
    return GuestSpec(
        server_id=str(uuid.uuid4()),
        name=f"box{number}",
        project_id="p",
        vcpus=1,
        memory_mib=64,
        root=DiskSpec(image_id="i", image_path=str(rootfs.archive(image)), size_gib=1),
        nics=(nic,),
        container=True,
    )


def inside(place: Place, server_id: str) -> tuple[str, ...]:
    """Return the words that run a program of this machine on a container's network."""
    connection = libvirt.open(place.libvirt_uri.replace("qemu:", "lxc:"))
    controller = connection.lookupByUUIDString(server_id).ID()
    connection.close()
    first = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()[0]
    return ("nsenter", "--target", first, "--net", "--")


async def test_two_containers_talk_and_leave_no_port_behind(
    containers: LxcHypervisor, place: Place, a_switch: PrivateSwitch, tmp_path: Path
):
    boxes = [spec(tmp_path, number) for number in (1, 2)]
    for number, box in enumerate(boxes, 1):
        assert (await containers.ensure(box)).power is PowerState.RUNNING
        where = inside(place, box.server_id)
        shown = await run(*where, "ip", "-o", "link", "show", "dev", "eth0")
        assert f"link/ether {box.nics[0].mac}" in shown
        await run(*where, "ip", "address", "add", f"10.99.0.{number}/24", "dev", "eth0")
        ids = a_switch.vsctl("get", "interface", box.nics[0].tap, "external_ids")
        assert f'iface-id="{box.nics[0].port_id}"' in ids
    first, second = (inside(place, box.server_id) for box in boxes)
    server = await asyncio.create_subprocess_exec(
        *first, sys.executable, "-c", SERVER, PORT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        await server.stdout.readline()
        said = await run(*second, sys.executable, "-c", CLIENT, "10.99.0.1", PORT, "20")
        assert said.split() == ["200000", "10.99.0.2"]
    finally:
        server.kill()
        await server.communicate()
    for box in boxes:
        await containers.power_off(box.server_id)
        assert box.nics[0].tap not in a_switch.vsctl("list-ports", a_switch.bridge)
    assert (await containers.power_on(boxes[0])).power is PowerState.RUNNING
    await containers.remove(boxes[0].server_id)
    assert a_switch.vsctl("list-ports", a_switch.bridge).split() == []
