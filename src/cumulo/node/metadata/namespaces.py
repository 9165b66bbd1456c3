"""The network namespace in which a network's guests find 169.254.169.254.

A veth pair joins it to the integration bridge, where OVN knows the outer end as the network's
localport. Every verb completes what an earlier, interrupted call left.
"""

import ctypes
import os
import re
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.core.drivers import Permanent
from cumulo.node.commands import run
from cumulo.node.ports import taps
from cumulo.node.ports.switch import Switch

NAMESPACES = Path("/run/netns")  # where iproute2 keeps named ones
INNER = "eth0"
ADDRESS = "169.254.169.254"
PORT = 80
BACKLOG = 128
CLONE_NEWNET = 0x40000000  # setns(2)
OWNER = "cumulo-metadata"  # the external id that names a port's network; so a device's alias begins
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FORMER = "[0-9a-f]{8}"  # what namespaces were called by once


class Namespaces:
    """The namespaces `cuINSTANCE-NETWORK` of one cloud, NETWORK being the network's whole id.

    Names of devices are too short for that: the outer end is `mdINSTANCE` and 8 digits of the id, others when
    another network has those; which network's a device is, its alias says.
    """

    def __init__(self, instance: str, switch: Switch) -> None:
        self._instance = instance
        self._switch = switch
        self._pattern = re.compile(rf"cu{re.escape(instance)}-({_ID}|{_FORMER})")

    def name(self, network_id: str) -> str:
        """Return the name of a network's namespace."""
        return f"cu{self._instance}-{network_id}"

    def existing(self) -> set[str]:
        """Return the names of all namespaces of this cloud's networks."""
        if not NAMESPACES.is_dir():
            return set()
        return {file.name for file in NAMESPACES.iterdir() if self._pattern.fullmatch(file.name)}

    async def ensure(self, network: MetadataNetwork) -> None:
        """Have the namespace, its addresses and its port on the bridge."""
        name = self.name(network.network_id)
        outer = self._outer(network.network_id)
        if not (NAMESPACES / name).exists():
            if outer is not None:
                await taps.remove(outer)  # whose other end went with an earlier namespace
                outer = None
            await run("ip", "netns", "add", name)
        if outer is None:
            outer = self._free(network.network_id)
            await self._switch.remove_port(outer)  # of an earlier device of this name
            await taps.remove(outer)  # one without an alias: somebody was killed at the next line but one
            await run("ip", "link", "add", outer, "type", "veth", "peer", "name", INNER, "netns", name)
            await run("ip", "link", "set", outer, "alias", self._alias(network.network_id))
        await self._configure(name, network)
        await run("ip", "link", "set", outer, "mtu", str(network.mtu), "up")
        await self._switch.ensure_port(outer, _external_ids(network))

    async def remove(self, name: str) -> None:
        """Remove a namespace with all that is in it; one that is gone is no error."""
        if self._pattern.fullmatch(name) is None:
            raise Permanent(f"{name} is no namespace of this cloud")
        network = name.partition("-")[2]
        former = f"md{self._instance}{network}" if re.fullmatch(_FORMER, network) else None
        outer = self._outer(network) or former
        if outer is not None:
            await self._switch.remove_port(outer)
            await taps.remove(outer)
        if (NAMESPACES / name).exists():
            await run("ip", "netns", "delete", name)

    def _alias(self, network_id: str) -> str:
        return f"{OWNER}:{self._instance}:{network_id}"

    def _outer(self, network_id: str) -> str | None:
        """Return the name of the veth's end on the bridge, where there is one."""
        return next(iter(taps.owned(self._alias(network_id))), None)

    def _free(self, network_id: str) -> str:
        """Return a name for it (14 characters) that is nobody's, or a device's without an owner."""
        digits = network_id.replace("-", "")
        names = (f"md{self._instance}{digits[at : at + 8]}" for at in range(len(digits) - 7))
        for name in names:
            if not taps.exists(name) or not taps.alias(name):
                return name
        raise Permanent(f"every device name for network {network_id} is taken")

    async def _configure(self, name: str, network: MetadataNetwork) -> None:
        inside = ("ip", "-n", name)
        await run(*inside, "link", "set", "lo", "up")
        mac, mtu = network.mac, str(network.mtu)
        await run(*inside, "link", "set", INNER, "address", mac, "mtu", mtu, "up")
        # An unfinished checksum is lost in a switch that works in user space, and TCP with it.
        await run("ip", "netns", "exec", name, "ethtool", "-K", INNER, "tx", "off")
        wanted = {*network.cidrs, f"{ADDRESS}/32"}
        present = await self._addresses(name)
        for address in sorted(wanted - present):
            await run(*inside, "address", "replace", address, "dev", INNER, "nodad")
        for address in sorted(present - wanted):
            await run(*inside, "address", "delete", address, "dev", INNER)

    async def _addresses(self, name: str) -> set[str]:
        words = ("ip", "-json", "-n", name, "address", "show", "dev", INNER, "scope", "global")
        links = msgspec.json.decode(await run(*words), type=list[_Link])
        found = (item for link in links for item in link.addresses)
        return {f"{item.local}/{item.prefixlen}" for item in found if item.local}


class _Address(msgspec.Struct):
    local: str = ""  # iproute2 leaves out what a filter does not match, but not its place
    prefixlen: int = 0


class _Link(msgspec.Struct):
    addresses: list[_Address] = msgspec.field(name="addr_info", default_factory=list)


def _external_ids(network: MetadataNetwork) -> Mapping[str, str]:
    return {
        "iface-id": network.port_id,
        "attached-mac": network.mac,
        "iface-status": "active",
        OWNER: network.network_id,
    }


def listen(name: str, port: int = PORT) -> socket.socket:
    """Return a socket that listens inside a namespace.

    A namespace belongs to a thread, so a thread of its own enters it, opens the socket and ends; the
    socket stays in the namespace in which it was made.
    """
    opened: list[socket.socket] = []
    failed: list[OSError] = []

    def work() -> None:
        try:
            enter(NAMESPACES / name)
            opened.append(_listening(port))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=work, name=f"listen in {name}")
    thread.start()
    thread.join()
    if failed:
        raise Permanent(f"cannot listen in namespace {name}: {failed[0]}") from failed[0]
    return opened[0]


def enter(namespace: Path) -> None:
    """Move this thread into a network namespace (os.setns came with Python 3.12)."""
    library = ctypes.CDLL(None, use_errno=True)
    handle = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)


def _listening(port: int) -> socket.socket:
    channel = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        channel.bind((ADDRESS, port))
        channel.listen(BACKLOG)
        channel.setblocking(False)
    except OSError:
        channel.close()
        raise
    return channel
