"""A process that is killed while it makes or removes a guest leaves nothing that a second try trips on."""

import asyncio
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cumulo.contracts.hypervisor import (
    DiskSpec,
    GuestSpec,
    NicSpec,
    PowerState,
)
from cumulo.node.commands import run
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor
from cumulo.node.ports import taps
from cumulo.node.ports.switch import Switch
from cumulo.node.ports.wiring import SwitchWiring
from cumulo.node.settings import Acceleration, NodeSettings, Place
from cumulo.testing.libvirtd import PrivateLibvirt
from cumulo.testing.metadata import a_guest
from cumulo.testing.vswitch import PrivateSwitch

pytestmark = pytest.mark.engines

SETTINGS = NodeSettings(acceleration=Acceleration.TCG, translation_cache_mib=32)
CHILD = """
import asyncio, sys, msgspec
from cumulo.contracts.hypervisor import GuestSpec
from cumulo.node.hypervisor.libvirt import LibvirtHypervisor
from cumulo.node.ports.switch import Switch
from cumulo.node.ports.wiring import SwitchWiring
from cumulo.node.settings import Acceleration, NodeSettings, Place

async def main(verb, place, spec):
    switch = Switch(place.vswitch, place.bridge)
    await switch.start()
    settings = NodeSettings(acceleration=Acceleration.TCG, translation_cache_mib=32)
    driver = LibvirtHypervisor("host1", place, SwitchWiring(switch, place.instance), settings)
    await driver.start()
    print("begin", flush=True)
    await (driver.ensure(spec) if verb == "ensure" else driver.remove(spec.server_id))

def decoded(text, kind):
    return msgspec.json.decode(text, type=kind, dec_hook=lambda inner, value: inner(value))

asyncio.run(main(sys.argv[1], decoded(sys.argv[2], Place), decoded(sys.argv[3], GuestSpec)))
"""
MOMENTS = (0.0, 0.03, 0.08, 0.15, 0.25, 0.4)  # seconds into a call that takes some 0.5


@pytest.fixture(scope="module")
def switch_daemon() -> Iterator[PrivateSwitch]:
    folder = Path(tempfile.mkdtemp(prefix="node-"))
    switch = PrivateSwitch(folder, f"cu{folder.name[-4:]}-int")
    try:
        switch.start()
        yield switch
    finally:
        switch.remove()


@pytest.fixture
def place(libvirt_daemon: PrivateLibvirt, switch_daemon: PrivateSwitch) -> Place:
    return Place(
        state=libvirt_daemon.state,
        instance=libvirt_daemon.instance,
        libvirt_uri=libvirt_daemon.uri,
        vswitch=switch_daemon.address,
        bridge=switch_daemon.bridge,
        qemu_logs=libvirt_daemon.state / "libvirt/log/qemu",
    )


async def a_spec(folder: Path) -> GuestSpec:
    image = folder / "image"
    await run("qemu-img", "create", "-q", "-f", "raw", str(image), "1M")
    nic = NicSpec(port_id=str(uuid.uuid4()), mac="fa:16:3e:00:00:01", mtu=1442)
    return GuestSpec(
        server_id=str(uuid.uuid4()),
        name="small",
        project_id="p",
        vcpus=1,
        memory_mib=16,
        root=DiskSpec(
            image_id="i",
            image_path=str(image),
            image_format="raw",
            image_digest=uuid.uuid4().hex,
        ),
        nics=(nic,),
        config_drive=a_guest(),
    )


def killed_while(verb: str, place: Place, spec: GuestSpec, seconds: float) -> None:
    words = [sys.executable, "-c", CHILD, verb]
    encoded = [msgspec.json.encode(item, enc_hook=str).decode() for item in (place, spec)]
    with subprocess.Popen([*words, *encoded], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begin\n"
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()


@pytest.mark.parametrize("seconds", MOMENTS)
async def test_ensure_and_remove_complete_what_a_killed_process_began(
    place: Place, switch_daemon: PrivateSwitch, tmp_path: Path, seconds: float
):
    spec = await a_spec(tmp_path)
    switch = Switch(place.vswitch, place.bridge)
    await switch.start()
    driver = LibvirtHypervisor("host1", place, SwitchWiring(switch, place.instance), SETTINGS)
    await driver.start()
    await asyncio.to_thread(killed_while, "ensure", place, spec, seconds)
    assert (await driver.ensure(spec)).power is PowerState.RUNNING
    assert taps.exists(spec.nics[0].tap)
    await asyncio.to_thread(killed_while, "remove", place, spec, seconds)
    await driver.remove(spec.server_id)
    assert await driver.guests() == []
    assert not taps.exists(spec.nics[0].tap)
    assert spec.nics[0].tap not in switch_daemon.vsctl("list-ports", place.bridge)
    assert not place.server(spec.server_id).exists()
    assert [file for file in place.bases.iterdir() if file.name.startswith(".")] == []
    await driver.stop()
    await switch.stop()


async def test_tidying_removes_what_belongs_to_nobody_and_nothing_else(place: Place, tmp_path: Path):
    spec, stranger = await a_spec(tmp_path), str(uuid.uuid4())
    switch = Switch(place.vswitch, place.bridge)
    await switch.start()
    wiring = SwitchWiring(switch, place.instance)
    driver = LibvirtHypervisor("host1", place, wiring, SETTINGS)
    await driver.start()
    await driver.ensure(spec)
    lost = NicSpec(port_id=str(uuid.uuid4()), mac="fa:16:3e:00:00:02", mtu=1442)
    await wiring.wire(stranger, [lost])
    assert lost.tap in await driver.tidy(older_than=0)
    assert not taps.exists(lost.tap)
    assert taps.exists(spec.nics[0].tap)
    base = f"{spec.root.image_digest}.raw"
    assert base not in await driver.tidy(older_than=1e12)
    await driver.remove(spec.server_id)
    assert base in await driver.tidy(older_than=1e12)
    await driver.stop()
    await switch.stop()
