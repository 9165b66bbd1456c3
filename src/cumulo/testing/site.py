"""A host of OVN with guests that talk: namespaces on a private switch, and programs to run in them."""

import asyncio
import subprocess
import sys
import textwrap
from contextlib import ExitStack

from cumulo.services.network.drivers.ovn import OvnDriver
from cumulo.services.network.drivers.specs import PortSpec, RuleSpec, SecurityGroupSpec, Spec, Use
from cumulo.testing import ovn

HOST = "172.31.254.1"
SIZE = 200_000
SERVER = textwrap.dedent(
    """
    import socket, sys
    listener = socket.create_server(("", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        connection, peer = listener.accept()
        connection.sendall(peer[0].encode().ljust(200000))
        connection.close()
    """
)
CLIENT = textwrap.dedent(
    """
    import socket, sys
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3]))
    connection.settimeout(5)
    data = b""
    while piece := connection.recv(65536):
        data += piece
    print(len(data), data.strip().decode())
    """
)
TALK = textwrap.dedent(
    """
    import socket, sys
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
    connection.settimeout(float(sys.argv[3]))
    print("connected", flush=True)
    for line in sys.stdin:
        try:
            connection.sendall(line.encode())
            print(connection.recv(100).decode().strip() or "closed", flush=True)
        except OSError:
            print("silence", flush=True)
    """
)
ECHO = textwrap.dedent(
    """
    import socket, sys
    listener = socket.create_server(("", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        connection, peer = listener.accept()
        while data := connection.recv(100):
            connection.sendall(data)
    """
)
DHCP = textwrap.dedent(
    """
    import json, os, socket, struct, sys
    mac = bytes.fromhex(sys.argv[1].replace(":", ""))
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    heard.bind(("eth0", 0))
    heard.settimeout(10)
    ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ask.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    ask.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    ask.bind(("0.0.0.0", 68))
    message = struct.pack("!4B4s4x16x16s192x", 1, 1, 6, 0, os.urandom(4), mac)
    wanted = bytes([53, 1, 1, 55, 5, 1, 3, 6, 26, 121, 255])
    ask.sendto(message + bytes([99, 130, 83, 99]) + wanted, ("255.255.255.255", 67))
    while True:
        frame = heard.recv(2048)
        if frame[23] == 17 and frame[34:38] == struct.pack("!HH", 67, 68):
            break
    reply, options, told = frame[42:], frame[42 + 240:], {}
    while options and options[0] != 255:
        told[options[0]] = options[2 : 2 + options[1]].hex()
        options = options[2 + options[1] :]
    print(socket.inet_ntoa(reply[16:20]), json.dumps(told))
    """
)
OTHERS = SecurityGroupSpec(
    id="66666666-2222-3333-4444-555555555555",
    name="friends",
    rules=(
        RuleSpec(id="f-out", ingress=False, version=4),
        RuleSpec(id="f-in", ingress=True, version=4, remote_group="66666666-2222-3333-4444-555555555555"),
        RuleSpec(id="f-ping", ingress=True, version=4, protocol="icmp", remote_cidr="10.0.0.0/8"),
    ),
)


class Site:
    """A host with guests, and ways to talk between namespaces."""

    def __init__(self, host: ovn.Chassis, stack: ExitStack, driver: OvnDriver, north: str) -> None:
        self.host = host
        self.stack = stack
        self.driver = driver
        self.north = north
        self.plugged: set[str] = set()

    async def guest(self, spec: PortSpec, *, static: bool = True) -> str:
        """Plug a guest into a port, and wait until OVN has wired it."""
        name = spec.id.removeprefix("port-")
        if spec.use is Use.GUEST:
            self.plugged.add(spec.id)
        made = await asyncio.to_thread(self.stack.enter_context, self.host.guest(name, spec.id, spec.mac))
        if static:
            address = spec.addresses[0][1]
            await self.ip(made, "address", "add", f"{address}/24", "dev", "eth0")
            await self.ip(made, "route", "add", "default", "via", f"{address.rpartition('.')[0]}.1")
        return made

    async def ip(self, namespace: str, *words: str) -> None:
        """Run `ip` there."""
        await asyncio.to_thread(ovn.run, "ip", "-n", namespace, *words)

    async def settle(self) -> None:
        """Wait until every guest's port is claimed, and every change in the switch's flows."""
        north = self.driver._north  # noqa: SLF001  to wait on the driver's own replica
        rows = north.rows("Logical_Switch_Port")
        async with asyncio.timeout(20):
            await north.until(lambda: self.plugged <= {row["name"] for row in rows.values() if row["up"]})
        await asyncio.to_thread(
            ovn.run, "ovn-nbctl", "--timeout=30", f"--db={self.north}", "--wait=hv", "sync"
        )

    async def serve(self, namespace: str, number: int, *, program: str = SERVER) -> None:
        """Answer TCP on a port with 200 kB that begin with the caller's address."""
        await self.run(namespace, program, str(number), says=b"ready\n")

    async def run(self, namespace: str, program: str, *words: str, says: bytes) -> "subprocess.Popen[bytes]":
        """Run a program there until the test ends; it is ready once it says so."""
        command = ["ip", "netns", "exec", namespace, sys.executable, "-c", program, *words]
        child = await asyncio.to_thread(
            lambda: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  an argument list of our own
        )
        assert child.stdin is not None
        assert child.stdout is not None
        self.stack.callback(child.stdin.close)
        self.stack.callback(child.stdout.close)
        self.stack.callback(child.wait)
        self.stack.callback(child.kill)
        told = await asyncio.to_thread(child.stdout.readline)
        if told != says:
            raise RuntimeError(f"{told!r} instead of {says!r}")
        return child

    async def fetch(
        self, namespace: str, address: str, number: int, *, patience: int = 5
    ) -> tuple[int, str] | None:
        """Connect and return (bytes received, the address that the server saw), or None."""
        command = ["ip", "netns", "exec", namespace, sys.executable, "-c", CLIENT]
        command += [address, str(number), str(patience)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        if done.returncode:
            return None
        size, seen = done.stdout.split()
        return int(size), seen

    async def pings(self, namespace: str, address: str, *, patience: int = 2) -> bool:
        """Say whether one ping is answered."""
        command = ["ip", "netns", "exec", namespace, "ping", "-c1", f"-W{patience}", "-q", address]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True)
        return done.returncode == 0

    async def realise(self, *specs: Spec) -> None:
        """Have the driver make these."""
        for spec in specs:
            await self.driver.ensure(spec)
