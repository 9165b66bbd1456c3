"""What a guest's definition becomes on the host that it goes to."""

import xml.etree.ElementTree as ET

import libvirt
import msgspec
import pytest

from cumulo.contracts.migration import Landing
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.libvirt import travels
from cumulo.node.hypervisor.libvirt.travels import moved
from cumulo.node.hypervisor.libvirt.volumes import EXCHANGED

FOLDER = "/state/node/servers/abc"
SCREEN = "/run/cumulo-aaaa/vnc/abc.sock"
LANDING = Landing(
    domain="cubbbb-abc",
    folder="/other/node/servers/abc",
    screen="/run/cumulo-bbbb/vnc/abc.sock",
    daemon="qemu+unix:///system?socket=/run/x",
    address="100.64.0.2",
    volumes={
        "v1": "<disk type='network'><source protocol='nbd' name='v1'><host transport='unix' socket='/there'/>"
        "</source></disk>"
    },
)
DEFINITION = f"""
<domain><name>cuaaaa-abc</name>
 <os><nvram>/var/lib/libvirt/qemu/nvram/cuaaaa-abc_VARS.fd</nvram></os>
 <devices>
  <disk type='file' device='disk'><source file='{FOLDER}/disk.qcow2'/>
   <backingStore type='file'><source file='/state/node/bases/b.qcow2'/></backingStore>
   <target dev='vda'/></disk>
  <disk type='network' device='disk'><source protocol='nbd' name='v1'>
   <host transport='unix' socket='/here'/></source><target dev='vdb'/><serial>v1</serial></disk>
  <disk type='file' device='cdrom'><source file='{FOLDER}/config.iso'/><target dev='hdd'/><readonly/></disk>
  <serial type='pty'><log file='{FOLDER}/console.log'/></serial>
  <graphics type='vnc' socket='{SCREEN}'><listen type='socket' socket='{SCREEN}'/></graphics>
  <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
 </devices></domain>
"""


def result() -> ET.Element:
    return ET.fromstring(moved(DEFINITION, FOLDER, SCREEN, "cuaaaa-abc", LANDING))  # noqa: S314  our own


def test_files_lie_in_the_new_hosts_folder() -> None:
    """Disks, the config drive, the console's log and the screen."""
    files = [element.get("file") for element in result().iter() if element.get("file")]
    assert files == [
        f"/other/node/servers/abc/{name}" for name in ("disk.qcow2", "config.iso", "console.log")
    ]
    assert {e.get("socket") for e in result().iter() if "vnc" in (e.get("socket") or "")} == {LANDING.screen}


def test_a_copied_disk_lies_on_nothing() -> None:
    """All of it is copied, so no base need be there."""
    store = result().find("devices/disk[1]/backingStore")
    assert store is not None
    assert list(store) == []


def test_a_volume_is_reached_as_the_new_host_reaches_it() -> None:
    """And stays the same disk of the guest."""
    volume = result().find("devices/disk[2]")
    assert volume is not None
    host = volume.find("source/host")
    assert host is not None
    assert host.get("socket") == "/there"
    assert volume.findtext("serial") == "v1"


def test_what_bears_the_domains_name_bears_the_new_one() -> None:
    """Its own name is told to libvirt apart; devices of the host are left alone."""
    assert result().findtext("os/nvram") == "/var/lib/libvirt/qemu/nvram/cubbbb-abc_VARS.fd"
    assert result().findtext("devices/rng/backend") == "/dev/urandom"


def test_a_disk_that_was_exchanged_is_known_by_the_volume_it_holds() -> None:
    """Its serial number still is the volume's that it was plugged in with."""
    told = (
        f"<metadata><c:disks xmlns:c='{EXCHANGED}'><c:disk device='vdb' serial='v0' volume='v1'/></c:disks>"
    )
    definition = DEFINITION.replace("<serial>v1", "<serial>v0").replace("<os>", f"{told}</metadata><os>")
    volume = ET.fromstring(moved(definition, FOLDER, SCREEN, "cuaaaa-abc", LANDING)).find(  # noqa: S314  our own
        "devices/disk[2]"
    )
    assert volume is not None
    host = volume.find("source/host")
    assert host is not None
    assert (host.get("socket"), volume.findtext("serial")) == ("/there", "v0")


class Sent:
    """A domain that notes how it was to be sent."""

    def __init__(self) -> None:
        self.flags = 0
        self.parameters: dict[str, object] = {}

    def migrateToURI3(self, daemon: str, parameters: dict[str, object], flags: int) -> None:  # noqa: N802  libvirt's
        """Note it."""
        assert daemon == LANDING.daemon
        self.flags, self.parameters = flags, parameters


def test_a_guest_travels_by_tls_to_a_host_that_has_a_certificate() -> None:
    """Under the name in it; to another one in the clear."""
    open_, closed = Sent(), Sent()
    travels._send(open_, DEFINITION, LANDING, ["vda"])
    travels._send(closed, DEFINITION, msgspec.structs.replace(LANDING, certified="second"), ["vda"])
    name = libvirt.VIR_MIGRATE_PARAM_TLS_DESTINATION
    assert not open_.flags & libvirt.VIR_MIGRATE_TLS
    assert name not in open_.parameters
    assert closed.flags == open_.flags | libvirt.VIR_MIGRATE_TLS
    assert closed.parameters == {**open_.parameters, name: "second"}


class Emulated:
    """A domain as libvirt's binding shows it, as far as sending it looks."""

    def __init__(self, state: int = libvirt.VIR_DOMAIN_RUNNING, reason: int = 1) -> None:
        self.at = [state, reason]

    def state(self) -> list[int]:
        return self.at

    def isActive(self) -> int:  # noqa: N802  libvirt's name
        return 1

    def suspend(self) -> None:
        self.at = [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]

    def resume(self) -> None:
        self.at = [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_UNPAUSED]


PAUSED = [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]


def test_a_guest_whose_writes_would_be_missed_does_nothing_while_it_is_sent() -> None:
    """The new host lets it go on."""
    domain = Emulated()
    with travels._still(domain):
        assert domain.state() == PAUSED
    assert domain.state() == PAUSED


def test_a_guest_that_was_not_sent_after_all_goes_on() -> None:
    """But not one that stopped for a reason of its own."""
    domain = Emulated()
    with pytest.raises(Permanent), travels._still(domain):
        raise Permanent("the other host is full")
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    failed = [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR]
    with pytest.raises(Permanent), travels._still(domain):
        domain.at = failed
        raise Permanent("its disk failed")
    assert domain.state() == failed


def test_a_guest_that_its_user_paused_stays_so() -> None:
    """Whether it is sent or not."""
    domain = Emulated(state=libvirt.VIR_DOMAIN_PAUSED, reason=libvirt.VIR_DOMAIN_PAUSED_USER)
    with pytest.raises(Permanent), travels._still(domain):
        raise Permanent("the other host is full")
    assert domain.state() == PAUSED
