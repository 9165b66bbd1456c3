"""The node's settings, and the places on the host that it works in."""

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec

from cumulo.core.config import Section

SOCKET_PATH_LIMIT = 107  # bytes, sun_path of sockaddr_un without its final zero


class Acceleration(StrEnum):
    """How guests' instructions are executed."""

    AUTO = "auto"  # KVM when a test guest really runs in it, else TCG
    KVM = "kvm"
    TCG = "tcg"


class NodeSettings(Section, frozen=True, kw_only=True):
    """The `[node]` section. Times in seconds, caches in MiB."""

    section: ClassVar[str] = "node"

    hypervisor: str = "libvirt"
    acceleration: Acceleration = Acceleration.AUTO
    translation_cache_mib: int = 64
    soft_reboot_timeout: float = 60.0
    unplug_timeout: float = 60.0  # until a guest must have let go of a device
    report_every: float = 10.0
    reconcile_every: float = 5.0
    guard_every: float = 5.0
    unused_bases_kept: float = 86400.0
    host_ip: str = "127.0.0.1"
    migration_uri: str = ""  # how other hosts' libvirt reaches this one's; empty: by its socket
    tidy_every: float = 600.0
    containers: bool = True  # run containers beside machines, where libvirt's LXC driver is installed
    dedicated_cpus: str = ""  # processors such as `2-5,7` that guests with hw:cpu_policy=dedicated get


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the node works. `instance` is the cloud's 4 hexadecimal digits on this machine."""

    state: Path
    instance: str
    libvirt_uri: str = "qemu:///system"
    vswitch: str = ""  # address of Open vSwitch's database; empty: guests get no ports
    bridge: str = ""
    qemu_logs: Path | None = None  # where libvirt keeps its log of each QEMU
    short_run: Path | None = None  # a short path of a folder for sockets
    peer_uri: str = ""  # how a libvirt of this machine that is another host's reaches this one's
    certified: bool = False  # its libvirt has a certificate for the host's name, and believes other hosts'

    @property
    def address(self) -> str:
        """The host's address towards further hosts of its machine; empty while it has none."""
        file = self.state / "underlay"
        return file.read_text(encoding="ascii").partition("/")[0] if file.exists() else ""

    @property
    def servers(self) -> Path:
        """The folder with one folder a server."""
        return self.state / "node" / "servers"

    @property
    def bases(self) -> Path:
        """The folder of cached base images."""
        return self.state / "node" / "bases"

    @property
    def fences(self) -> Path:
        """The folder of the newest fences seen."""
        return self.state / "node" / "fences"

    @property
    def tpm_logs(self) -> Path:
        """The folder where libvirt keeps the log of each guest's TPM."""
        return self.state / "libvirt" / "tpm-log" / "libvirt" / "qemu"

    @property
    def containers(self) -> Path:
        """The folder with the root of each container, in libvirt's: its daemon sees it elsewhere, too."""
        return self.state / "libvirt" / "lib" / "containers"

    @property
    def domain_prefix(self) -> str:
        """What the names of this cloud's libvirt domains begin with."""
        return f"cu{self.instance}-"

    @property
    def sockets(self) -> Path:
        """The folder of the guests' VNC sockets: in the state folder unless that is too deep."""
        if self.short_run is not None:
            return self.short_run / "vnc"
        inside = self.state / "run" / "vnc"
        longest = len(str(inside).encode()) + len("/123456789012.sock")
        return inside if longest <= SOCKET_PATH_LIMIT else Path(f"/run/cu{self.instance}-vnc")

    def server(self, server_id: str) -> Path:
        """Return the folder of a server's files."""
        return self.servers / server_id

    def vnc_socket(self, server_id: str) -> Path:
        """Return the path of a guest's VNC socket."""
        return self.sockets / f"{server_id.replace('-', '')[:12]}.sock"
