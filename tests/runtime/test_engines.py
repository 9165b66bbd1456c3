"""Two clouds' real engines side by side on this machine."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

from cumulo.runtime import reset
from cumulo.runtime.engines import datapath, engines_of
from cumulo.runtime.engines.engine import CommandFailed, run
from cumulo.runtime.engines.libvirt import containers_running, running_guests, uri
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor import PartState, Supervisor

pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("engines")]


@pytest.fixture
async def clouds():
    """Two clouds, one in a folder so deep that its sockets could have no path there."""
    folder = Path(tempfile.mkdtemp(prefix="cumulo-engines-"))
    states = [StateFolder(folder / "a"), StateFolder(folder.joinpath(*["deep-folder"] * 12))]
    supervisors = []
    try:
        for state in states:
            state.prepare()
            supervisors.append(Supervisor(state, await engines_of(state)))
            supervisors[-1].start()
            async with asyncio.timeout(60):
                await supervisors[-1].up()
        yield states, supervisors
    finally:
        for supervisor in supervisors:
            await supervisor.stop()
            reset.remove(supervisor.state)
        shutil.rmtree(folder)


async def devices() -> set[str]:
    return {link["ifname"] for link in json.loads(await run("ip", "-json", "link"))}


async def test_two_clouds_run_side_by_side_and_leave_nothing(clouds):
    states, supervisors = clouds
    for state in states:
        assert {state.integration_bridge, state.external_bridge, state.datapath_device} <= await devices()
        assert "QEMU" in await run("virsh", "-c", uri(state), "version")
        chassis = await run("ovn-sbctl", f"--db=unix:{state.socket('sb')}", "--bare", "list", "chassis")
        assert state.host in chassis
    addresses = [await run("ip", "-4", "-br", "address", "show", s.external_bridge) for s in states]
    assert addresses[0].split()[-1] != addresses[1].split()[-1]

    await supervisors[0].stop()
    assert not any(name.startswith(f"cu{states[0].instance}-") for name in await devices())
    assert "QEMU" in await run("virsh", "-c", uri(states[1]), "version")


async def test_engines_come_back_with_what_they_had(clouds):
    (state, _), (supervisor, _) = clouds
    killed = [supervisor.parts[name].process for name in ("ovs-vswitchd", "ovsdb-nb", "libvirtd")]
    await run("ovn-nbctl", f"--db=unix:{state.socket('nb')}", "ls-add", "kept")
    for process in killed:
        process.terminate(signal.SIGKILL)
    async with asyncio.timeout(30):
        while not all(  # noqa: ASYNC110  it waits for other processes
            part.status.state is PartState.RUNNING and part.process not in killed
            for part in supervisor.parts.values()
        ):
            await asyncio.sleep(0.05)
    assert "kept" in await run("ovn-nbctl", f"--db=unix:{state.socket('nb')}", "ls-list")
    assert {state.datapath_device, state.external_bridge} <= await devices()
    assert "QEMU" in await run("virsh", "-c", uri(state), "version")


def test_a_device_that_another_daemon_has_is_seen():
    name_and_flags = struct.pack("16sH22x", datapath.DEVICE.encode(), 0x1002)
    with datapath.sole_start_blocking():
        if datapath.taken():
            pytest.skip("somebody's daemon has the device now")
        with Path("/dev/net/tun").open("rb+", buffering=0) as tun:
            fcntl.ioctl(tun, 0x400454CA, name_and_flags)
            assert datapath.taken()
        assert not datapath.taken()


async def test_a_failing_program_tells_its_words():
    with pytest.raises(CommandFailed, match="unknown command"):
        await run("ovs-vsctl", "no-such-command")


@pytest.mark.parametrize(("kind", "program"), [("qemu", "qemu-system-x86_64"), ("lxc", "libvirt_lxc")])
def test_guests_that_run_are_counted_by_what_libvirt_notes_of_them(
    tmp_path: Path, kind: str, program: str
) -> None:
    state = StateFolder(tmp_path / "state")
    notes = state.path / "libvirt" / "run" / kind
    notes.mkdir(parents=True)
    guest = tmp_path / program
    shutil.copy("/bin/sleep", guest)
    with subprocess.Popen(["guest=cuabcd-one", "60"], executable=guest) as process:
        (notes / "cuabcd-one.pid").write_text(str(process.pid))
        (notes / "cuabcd-before-a-boot.pid").write_text(str(process.pid))  # another guest's by now
        (notes / "cuabcd-two.pid").write_text(str(os.getpid()))  # somebody else's by now
        assert running_guests(state) == ["one"]
        assert containers_running(state) == (kind == "lxc")
        process.kill()
    assert running_guests(state) == []
