"""Network namespaces on a running cloud's switch: guests that cost nothing, and what is at a wire's far end.

with Spaces(cloud.state) as spaces:
    guest = spaces.guest(port)          # as the API shows the port
    assert guest.pings("10.0.0.7")
    guest.wire.send(frame)              # whatever a hostile guest would
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cumulo.node.metadata.namespaces import NAMESPACES, enter
from cumulo.runtime.engines.openvswitch import datapath_type
from cumulo.runtime.state import StateFolder
from cumulo.testing import site
from cumulo.testing.launched import until
from cumulo.testing.ovn import run

_ALL = 3  # ETH_P_ALL
_AUXDATA, _SOL_PACKET = 8, 263  # packet(7): what the kernel took off a frame
_TAGGED = 0x10  # TP_STATUS_VLAN_VALID
CARD = "eth0"


class Wire:
    """A namespace's card, to send and hear whole frames by."""

    def __init__(self, namespace: str) -> None:
        opened: list[socket.socket] = []

        def work() -> None:
            enter(NAMESPACES / namespace)  # only this thread, which ends
            opened.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL)))
            opened[0].bind((CARD, 0))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self._socket = opened[0]
        self._socket.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def send(self, frame: bytes) -> None:
        """Send a frame."""
        self._socket.send(frame)

    def forget(self) -> None:
        """Drop what was heard so far."""
        for _ in self.frames(0):
            pass

    def frames(self, seconds: float) -> Iterator[bytes]:
        """Yield the frames that came in, with their tags, until nothing comes by the end of that time."""
        give_up = time.monotonic() + seconds
        while True:
            self._socket.settimeout(max(give_up - time.monotonic(), 0.000_001))
            try:
                frame, told, _, sender = self._socket.recvmsg(65535, 256)
            except (TimeoutError, BlockingIOError):
                return
            if sender[2] != socket.PACKET_OUTGOING:
                yield _with_tag(frame, told)

    def hears(self, wanted: Callable[[bytes], Any], seconds: float = 5) -> bytes | None:
        """Return the first frame that comes in and is wanted."""
        return next((frame for frame in self.frames(seconds) if wanted(frame)), None)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _with_tag(frame: bytes, told: Sequence[tuple[int, int, bytes]]) -> bytes:
    for _, kind, data in told:
        status, *_, tag = struct.unpack_from("=IIIHHH", data)
        if kind == _AUXDATA and status & _TAGGED:
            return frame[:12] + struct.pack("!HH", 0x8100, tag) + frame[12:]
    return frame


class Namespace:
    """A namespace with the card `eth0`, of which nobody hears what passes it."""

    def __init__(self, name: str, stack: ExitStack) -> None:
        self.name = name
        self._stack = stack

    def ip(self, *words: str) -> str:
        """Run `ip` there; return what it printed."""
        return run("ip", "-n", self.name, *words)

    def command(self, *words: str) -> list[str]:
        """Return the command that runs another one there."""
        return ["ip", "netns", "exec", self.name, *words]

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command there, which ends with the others; its output is a pipe."""
        child = subprocess.Popen(  # noqa: S603  our own words
            self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        self._stack.callback(child.stdout.close)
        self._stack.callback(child.wait)
        self._stack.callback(child.kill)
        return child


class Space(Namespace):
    """A namespace whose frames are heard from the beginning."""

    def __init__(self, name: str, stack: ExitStack, mac: str, addresses: Sequence[str] = ()) -> None:
        super().__init__(name, stack)
        self.mac = mac
        self.addresses = addresses
        self.wire = Wire(name)
        stack.callback(self.wire.close)

    @property
    def address(self) -> str:
        """The first IPv4 address."""
        return next(address for address in self.addresses if ":" not in address)

    @property
    def address_v6(self) -> str:
        """The first IPv6 address."""
        return next(address for address in self.addresses if ":" in address)

    def serve(self, port: int) -> None:
        """Answer TCP on a port with 200 kB that begin with the caller's address."""
        child = self.start(sys.executable, "-c", site.SERVER, str(port))
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"

    def fetch(self, address: str, port: int, *, patience: float = 5) -> str | None:
        """Fetch what `serve` serves; return the address that the server saw, or None."""
        words = (sys.executable, "-c", site.CLIENT, address, str(port), str(patience))
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)  # noqa: S603  our own words
        return done.stdout.split()[1] if done.returncode == 0 else None

    def pings(self, address: str, *, patience: float = 2) -> bool:
        """Say whether a ping is answered."""
        words = self.command("ping", "-c1", f"-W{patience}", "-q", address)
        return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603  our own words

    def reaches(self, address: str, seconds: float = 30) -> None:
        """Wait until a ping is answered."""
        until(lambda: self.pings(address, patience=1), seconds=seconds, what=f"{self.name} to {address}")


class Spaces:
    """Namespaces on the switch of one cloud; all go with the context."""

    def __init__(self, state: StateFolder) -> None:
        self.state = state
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def guest(self, port: Mapping[str, Any], *, gateway: str | None = None, bare: bool = False) -> Space:
        """Be the guest of a port as the API shows it; with its IPv4 addresses, unless it is to be `bare`."""
        addresses = [held["ip_address"] for held in port["fixed_ips"]]
        own = [] if bare else [f"{address}/24" for address in addresses if ":" not in address]
        made = self.plug(self.state.integration_bridge, port["mac_address"], *own, port_id=port["id"])
        space = Space(made.name, self._stack, port["mac_address"], addresses)
        if gateway:
            space.ip("route", "add", "default", "via", gateway)
        return space

    def outside(self, *addresses: str) -> Space:
        """Be a switch of the physical network, with addresses (and prefixes); every VLAN is trunked to it."""
        number = self._count + 1
        mac = f"02:00:00:{os.getpid() >> 8 & 255:02x}:{os.getpid() & 255:02x}:{number:02x}"
        made = self.plug(self.state.external_bridge, mac, *addresses)
        return Space(made.name, self._stack, mac, [address.partition("/")[0] for address in addresses])

    def plug(self, bridge: str, mac: str, *addresses: str, port_id: str | None = None) -> Namespace:
        """Make a namespace with a card on a bridge, with addresses (and prefixes); as the guest of a port."""
        self._count += 1
        name, outer = f"cumulo-t{os.getpid()}-{self._count}", f"t{os.getpid()}-{self._count}"
        run("ip", "netns", "add", name)
        self._stack.callback(run, "ip", "netns", "del", name)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", CARD, "netns", name)
        # Frames whose checksum is left to a card that is not there would be dropped by the switch.
        run("ip", "netns", "exec", name, "ethtool", "-K", CARD, "tx", "off")
        run("ip", "-n", name, "link", "set", CARD, "address", mac, "mtu", "1442", "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        Path(f"/proc/sys/net/ipv6/conf/{outer}/disable_ipv6").write_text("1")
        run("ip", "link", "set", outer, "up")
        words = ["add-port", bridge, outer]
        if port_id:
            words += ["--", "set", "interface", outer, f"external_ids:iface-id={port_id}"]
        self.vsctl(*words)
        self._stack.callback(self.vsctl, "--if-exists", "del-port", bridge, outer)
        made = Namespace(name, self._stack)
        for address in addresses:
            made.ip("address", "add", address, "dev", CARD)
        return made

    def bridge(self, name: str, flows: Sequence[str] = ()) -> str:
        """Make a bridge of its own by hand, with these flows; without any it forwards as switches do."""
        kind = datapath_type(self.state)
        self.vsctl("add-br", name, "--", "set", "bridge", name, f"datapath_type={kind}")
        self._stack.callback(self.vsctl, "--if-exists", "del-br", name)
        if flows:
            control = f"unix:{self.state.short_run}/{name}.mgmt"
            run("ovs-ofctl", "del-flows", control)
            for flow in flows:
                run("ovs-ofctl", "add-flow", control, flow)
        return name

    def vsctl(self, *words: str) -> str:
        """Run `ovs-vsctl` on the cloud's switch."""
        return run("ovs-vsctl", "--timeout=20", f"--db=unix:{self.state.socket('vswitch')}", *words)
