"""What a flavor says of a machine, as a real guest finds it, through the official `openstack` client."""

import os
import time
from pathlib import Path

import libvirt
import pytest

from cumulo.runtime.engines.libvirt import uri
from cumulo.testing.guests import Guest
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

SIZE = ("--ram", "192", "--vcpus", "2", "--disk", "1")
SPECS = {
    "hw:cpu_cores": "2",
    "hw:numa_nodes": "2",
    "hw:watchdog_action": "none",
    "hw:tpm_version": "2.0",
    "hw:tpm_model": "tpm-crb",
    "quota:cpu_shares": "333",
    "quota:disk_read_bytes_sec": "2097152",
    "quota:vif_outbound_average": "128",
    "quota:vif_inbound_average": "256",
}
WATCHDOG = "0x25ab"  # the PCI device id of an i6300esb
MIB = 1 << 20


@pytest.fixture(scope="module")
def flavors(cloud: LaunchedCloud) -> None:
    """A flavor with all of it, and one with more room."""
    specs = [word for key, value in SPECS.items() for word in ("--property", f"{key}={value}")]
    for name, ephemeral, swap in (("shaped", "1", "64"), ("roomier", "2", "96")):
        room = ("--ephemeral", ephemeral, "--swap", swap)
        cloud.admin("flavor", "create", "--public", *SIZE, *room, *specs, name)


@pytest.fixture(scope="module")
def wilma(cloud: LaunchedCloud, flavors: None) -> Client:
    del flavors
    client = cloud.user("wilma")
    client("security", "group", "list")
    return client


@pytest.fixture(scope="module")
def home(cloud: LaunchedCloud, wilma: Client, tmp_path_factory: pytest.TempPathFactory) -> Residence:
    home = Residence(cloud, wilma, tmp_path_factory.mktemp("wilma"))
    home.network("home", "10.16.0.0/24", router="door")
    return home


@pytest.fixture(scope="module")
def guest(home: Residence) -> Guest:
    local = ("--ephemeral", "size=1,format=ext2", "--swap", "64")
    return home.boot(
        *("shaped", "home", "--flavor", "shaped", *local, "--config-drive", "True", "--password", "sesame")
    )


def test_its_processors_nodes_and_devices_are_as_the_flavor_says(guest: Guest):
    assert guest.run("nproc") == "2"
    assert set(guest.run("grep 'cpu cores' /proc/cpuinfo | cut -d: -f2").split()) == {"2"}
    assert set(guest.run("grep 'physical id' /proc/cpuinfo | cut -d: -f2").split()) == {"0"}
    assert WATCHDOG in guest.run("cat /sys/bus/pci/devices/*/device")
    assert guest.run("ls /sys/bus/acpi/devices | grep -c MSFT0101") == "1"
    assert "0x1005" in guest.run("cat /sys/bus/pci/devices/*/device")  # virtio's entropy


def test_the_host_gives_it_its_share(cloud: LaunchedCloud, home: Residence, guest: Guest):
    del guest
    server = home.user.json("server", "show", "shaped")["id"]
    connection = libvirt.open(uri(cloud.state))
    assert connection.lookupByUUIDString(server).schedulerParameters()["cpu_shares"] == 333
    connection.close()


def test_its_disks_read_no_faster_than_they_may(guest: Guest):
    started = time.monotonic()
    guest.run("dd if=/dev/vda of=/dev/null bs=64k count=192 iflag=direct 2> /dev/null")
    assert time.monotonic() - started > 4  # 12 MiB at 2 MiB a second, less what a burst lets pass


def test_its_card_sends_no_faster_than_it_may(guest: Guest):
    started = time.monotonic()
    sent = guest.run("dd if=/dev/zero bs=64k count=16 2> /dev/null | tr '\\0' x")
    assert len(sent) == MIB
    assert time.monotonic() - started > 6  # 1 MiB at 128 KiB a second, less what a burst lets pass


def test_its_card_receives_no_faster_than_it_may(guest: Guest):
    started = time.monotonic()
    guest.swallow(os.urandom(2 * MIB))
    assert time.monotonic() - started > 6  # 2 MiB at 256 KiB a second, less what a burst lets pass


def test_its_ephemeral_disk_is_formatted_and_its_swap_is_swap(guest: Guest):
    sizes = [int(guest.run(f"blockdev --getsize64 /dev/{name}")) for name in ("vdb", "vdc")]
    assert sizes == [1 << 30, 64 * MIB]
    guest.run("mount -t ext2 /dev/vdb /mnt && echo mine > /mnt/marker && umount /mnt")
    assert guest.run("dd if=/dev/vdc bs=1 skip=4086 count=10 2> /dev/null") == "SWAPSPACE2"
    guest.run("swapon /dev/vdc")
    assert "/dev/vdc" in guest.run("cat /proc/swaps")


def test_its_config_drive_tells_the_password(guest: Guest):
    guest.run("mkdir -p /media/c && mount -t iso9660 -o ro /dev/sr0 /media/c")
    assert '"admin_pass":"sesame"' in guest.run("cat /media/c/openstack/latest/meta_data.json")


def test_a_password_is_refused_without_an_agent(home: Residence, guest: Guest):
    del guest
    with pytest.raises(CommandRefused, match="agent"):
        home.user("server", "set", "--password", "other", "shaped")


def test_a_resize_keeps_what_is_on_the_ephemeral_disk(home: Residence, guest: Guest):
    home.user("server", "resize", "--flavor", "roomier", "--wait", "shaped")
    home.user("server", "resize", "confirm", "shaped")
    until(lambda: home.user.json("server", "show", "shaped")["status"] == "ACTIVE", seconds=60, what="ACTIVE")
    guest.wait()
    assert guest.run("blockdev --getsize64 /dev/vdc") == str(64 * MIB)  # what the request asked for
    assert guest.run("mount -t ext2 -o ro /dev/vdb /mnt && cat /mnt/marker") == "mine"
    guest.run("umount /mnt; until [ -e /dev/sr0 ]; do sleep 0.2; done")  # its driver comes late
    guest.run("mkdir -p /media/c && mount -t iso9660 -o ro /dev/sr0 /media/c")
    assert "admin_pass" not in guest.run("cat /media/c/openstack/latest/meta_data.json")


def test_nothing_is_left_of_it(cloud: LaunchedCloud, home: Residence):
    server = home.user.json("server", "show", "shaped")["id"]
    home.user("server", "delete", "--wait", "shaped")
    assert left(cloud.state.path, server) == []


def left(state: Path, server: str) -> list[Path]:
    """Return the files whose names still tell of a server, but for the memory of its fence."""
    return [file for file in state.rglob(f"*{server}*") if file.parent.name != "fences"]


def test_huge_pages_that_the_host_lacks_are_named(cloud: LaunchedCloud, home: Residence):
    cloud.admin("flavor", "create", "--public", *SIZE, "--property", "hw:mem_page_size=1GB", "huge")
    with pytest.raises(CommandRefused):
        home.create("huge", "home", "--flavor", "huge")
    fault = str(home.user.json("server", "show", "huge")["fault"])
    assert "CUSTOM_HUGE_PAGES_1048576KIB" in fault
    home.user("server", "delete", "--wait", "huge")
