"""Private Open vSwitch and OVN processes in a temporary folder, for tests.

Everything listens on Unix sockets below the folder, so that any number of tests run side by side.
The processes stay in the foreground, as our children: leaving the context ends exactly them.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

_OVN_SCHEMAS = Path("/usr/share/ovn")
_OVS_SCHEMAS = Path("/usr/share/openvswitch")

SCHEMAS = {
    "nb": _OVN_SCHEMAS / "ovn-nb.ovsschema",
    "sb": _OVN_SCHEMAS / "ovn-sb.ovsschema",
    "vswitch": _OVS_SCHEMAS / "vswitch.ovsschema",
}


def available() -> bool:
    """Say whether the programs and schemas that these helpers start are on this machine."""
    programs = ("ovsdb-server", "ovsdb-tool", "ovn-northd", "ovn-nbctl")
    return all(map(which, programs)) and all(path.exists() for path in SCHEMAS.values())


@contextmanager
def process(folder: Path, arguments: Sequence[str], *, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a daemon in the foreground until the context ends; its output goes to NAME.out."""
    surroundings = dict.fromkeys(("OVS_RUNDIR", "OVN_RUNDIR", "OVS_LOGDIR", "OVN_LOGDIR"), str(folder))
    with (folder / f"{name}.out").open("wb") as output:
        child = subprocess.Popen(  # noqa: S603  our own arguments
            arguments if name == "ovn-controller" else [*arguments, f"--unixctl={folder / name}.ctl"],
            env=os.environ | surroundings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def ovsdb(folder: Path, name: str) -> Iterator[str]:
    """Serve an empty database (`nb`, `sb` or `vswitch`); yield its address (`unix:...`)."""
    file, place = folder / f"{name}.db", folder / f"{name}.sock"
    if not file.exists():
        create = ["ovsdb-tool", "create", str(file), str(SCHEMAS[name])]
        subprocess.run(create, check=True)  # noqa: S603  our own arguments
    with process(folder, ["ovsdb-server", f"--remote=punix:{place}", str(file)], name=name) as child:
        while not _answers(place):
            if child.poll() is not None:
                raise RuntimeError((folder / f"{name}.out").read_text())
            time.sleep(0.01)
        yield f"unix:{place}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as peer:
        return peer.connect_ex(str(path)) == 0


@contextmanager
def central(folder: Path) -> Iterator[tuple[str, str]]:
    """Run both OVN databases and ovn-northd; yield the northbound and southbound addresses."""
    with ovsdb(folder, "nb") as north, ovsdb(folder, "sb") as south:
        databases = [f"--ovnnb-db={north}", f"--ovnsb-db={south}"]
        with process(folder, ["ovn-northd", *databases], name="northd"):
            yield north, south


@dataclass(frozen=True)
class Chassis:
    """A host of OVN in a network namespace of its own, with bridges `br-int` and `br-ex`.

    `folder` holds its sockets. Guests are further namespaces that hang on `br-int` by a veth pair.
    """

    namespace: str
    folder: Path
    vswitch: str
    stack: ExitStack = field(default_factory=ExitStack)
    daemons: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Run a daemon in the host's namespace until the host goes; one of that name is killed first."""
        if (before := self.daemons.get(name)) is not None:
            before.kill()
            before.wait()
        command = ["ip", "netns", "exec", self.namespace, name, *arguments]
        self.daemons[name] = self.stack.enter_context(process(self.folder, command, name=name))

    def vsctl(self, *words: str) -> str:
        """Run `ovs-vsctl` on this host's database; return what it printed."""
        return run("ovs-vsctl", "--timeout=20", f"--db={self.vswitch}", *words)

    def inside(self, *words: str) -> str:
        """Run a command in the host's namespace; return what it printed."""
        return run("ip", "netns", "exec", self.namespace, *words)

    @contextmanager
    def guest(self, name: str, port_id: str, mac: str) -> Iterator[str]:
        """Give a port a namespace for its guest, with the card `eth0`; yield the namespace."""
        namespace = f"{self.namespace}-{name}"
        tap = f"t{name}"
        run("ip", "netns", "add", namespace)
        try:
            pair = ("add", tap, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            run("ip", "-n", self.namespace, "link", *pair)
            # Frames whose checksum is left to a card that is not there would be dropped by OVS.
            run("ip", "netns", "exec", namespace, "ethtool", "-K", "eth0", "tx", "off")
            run("ip", "-n", namespace, "link", "set", "eth0", "address", mac, "mtu", "1442", "up")
            run("ip", "-n", namespace, "link", "set", "lo", "up")
            run("ip", "-n", self.namespace, "link", "set", tap, "up")
            known = f"external_ids:iface-id={port_id}"
            self.vsctl("add-port", "br-int", tap, "--", "set", "interface", tap, known)
            yield namespace
        finally:
            self.vsctl("--if-exists", "del-port", "br-int", tap)
            run("ip", "netns", "del", namespace)


@contextmanager
def chassis(folder: Path, south: str, external: str) -> Iterator[Chassis]:
    """Run Open vSwitch in user space and ovn-controller; the host has `external` on `br-ex`."""
    namespace = f"cumulo-{folder.name[-6:]}"
    run("ip", "netns", "add", namespace)
    try:
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        with ovsdb(folder, "vswitch") as vswitch:
            host = Chassis(namespace, folder, vswitch)
            host.vsctl("--no-wait", "init")
            with host.stack:
                host.start("ovs-vswitchd", vswitch)
                _wire(host, south, external)
                host.start("ovn-controller", vswitch)
                yield host
    finally:
        run("ip", "netns", "del", namespace)


def _wire(host: Chassis, south: str, external: str) -> None:
    """Make the bridges, tell ovn-controller what it needs, and give the host its outer address."""
    settings = {
        "system-id": host.namespace,
        "hostname": host.namespace,
        "ovn-remote": south,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "127.0.0.1",
        "ovn-bridge": "br-int",
        "ovn-bridge-mappings": "external:br-ex",
    }
    host.vsctl("set", "open", ".", *(f"external_ids:{k}={v}" for k, v in settings.items()))
    host.vsctl(
        "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure"
    )
    host.vsctl("add-br", "br-ex", "--", "set", "bridge", "br-ex", "datapath_type=netdev")
    host.inside("ethtool", "-K", "br-ex", "tx", "off")
    host.inside("ip", "address", "add", external, "dev", "br-ex")
    host.inside("ip", "link", "set", "br-ex", "up")


def run(*words: str) -> str:
    """Run a command to its end; return what it printed. RuntimeError with what it complained of."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(  # noqa: S603  our own words
        words, capture_output=True, check=False, text=True, timeout=60, env=os.environ | {"PATH": path}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
