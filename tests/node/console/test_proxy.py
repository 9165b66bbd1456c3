import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cumulo.contracts.hypervisor import ConsoleAddress
from cumulo.node.console import proxy


class Machine:
    """A VNC server's socket: says hello, then echoes until `bye`."""

    def __init__(self, path: Path) -> None:
        self.address = ConsoleAddress(socket_path=str(path))
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RFB 003.008\n")
        while (data := await reader.read(100)) and data != b"bye":
            writer.write(data)
        writer.close()
        self.ended.set()


class Browser:
    """The other end of the WebSocket."""

    def __init__(self) -> None:
        self.to_send: asyncio.Queue[Any] = asyncio.Queue()
        self.got: asyncio.Queue[Any] = asyncio.Queue()
        self.to_send.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Any:
        return await self.to_send.get()

    async def send(self, message: Any) -> None:
        await self.got.put(message)

    def say(self, data: bytes) -> None:
        self.to_send.put_nowait({"type": "websocket.receive", "bytes": data})


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path / "vnc.sock")
    server = await asyncio.start_unix_server(machine.serve, machine.address.socket_path)
    yield machine
    server.close()
    await server.wait_closed()


async def test_bytes_go_both_ways_until_the_machine_ends(machine: Machine):
    browser = Browser()
    carrying = asyncio.create_task(
        proxy(browser.receive, browser.send, machine.address, subprotocols=("base64", "binary"))
    )
    assert await browser.got.get() == {"type": "websocket.accept", "subprotocol": "binary"}
    assert (await browser.got.get())["bytes"] == b"RFB 003.008\n"
    browser.say(b"key")
    assert (await browser.got.get())["bytes"] == b"key"
    browser.say(b"bye")
    assert await browser.got.get() == {"type": "websocket.close", "code": 1000}
    await carrying


async def test_a_browser_that_leaves_ends_the_connection_to_the_machine(machine: Machine):
    browser = Browser()
    carrying = asyncio.create_task(proxy(browser.receive, browser.send, machine.address))
    assert await browser.got.get() == {"type": "websocket.accept", "subprotocol": None}
    browser.to_send.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await carrying
    await machine.ended.wait()


async def test_a_machine_that_does_not_answer_closes_the_websocket(tmp_path: Path):
    browser = Browser()
    address = ConsoleAddress(socket_path=str(tmp_path / "nobody"))
    await proxy(browser.receive, browser.send, address)
    assert (await browser.got.get())["type"] == "websocket.accept"
    assert await browser.got.get() == {"type": "websocket.close", "code": 1011}


class TestATerminal:
    @pytest.fixture
    def port(self) -> Iterator[tuple[int, ConsoleAddress]]:
        """The machine's end of a serial port, and where the other one is."""
        machine, terminal = os.openpty()
        yield machine, ConsoleAddress(terminal=os.ttyname(terminal))
        os.close(terminal)
        with contextlib.suppress(OSError):
            os.close(machine)

    async def test_bytes_go_both_ways_as_they_are_until_the_machine_ends(
        self, port: tuple[int, ConsoleAddress]
    ):
        machine, address = port
        browser = Browser()
        carrying = asyncio.create_task(proxy(browser.receive, browser.send, address))
        assert (await browser.got.get())["type"] == "websocket.accept"
        os.write(machine, b"login: \r\n\x03")
        assert (await browser.got.get())["bytes"] == b"login: \r\n\x03"
        browser.say(b"root\r\x04")
        assert await asyncio.to_thread(os.read, machine, 100) == b"root\r\x04"  # nothing is echoed or eaten
        os.close(machine)
        assert await browser.got.get() == {"type": "websocket.close", "code": 1000}
        await carrying

    async def test_one_sits_at_it_at_a_time(self, port: tuple[int, ConsoleAddress]):
        machine, address = port
        first, second, third = Browser(), Browser(), Browser()
        carrying = asyncio.create_task(proxy(first.receive, first.send, address))
        await first.got.get()
        await proxy(second.receive, second.send, address)
        assert (await second.got.get())["type"] == "websocket.accept"
        assert await second.got.get() == {"type": "websocket.close", "code": 1011}
        first.to_send.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await carrying
        third.say(b"x")
        carrying = asyncio.create_task(proxy(third.receive, third.send, address))
        assert await asyncio.to_thread(os.read, machine, 100) == b"x"
        third.to_send.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await carrying

    async def test_one_that_is_gone_closes_the_websocket(self):
        browser = Browser()
        await proxy(browser.receive, browser.send, ConsoleAddress(terminal="/dev/pts/999999"))
        assert (await browser.got.get())["type"] == "websocket.accept"
        assert await browser.got.get() == {"type": "websocket.close", "code": 1011}


async def test_a_slow_browser_slows_the_machine_down(tmp_path: Path):
    """What the browser has not taken is not read from the machine, beyond the buffers between."""
    written = 0
    leave = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        while written < 64 << 20:
            writer.write(bytes(65536))
            await writer.drain()
            written += 65536
        writer.close()

    path = str(tmp_path / "vnc.sock")
    server = await asyncio.start_unix_server(flood, path)
    browser = Browser()

    async def stuck(message: Any) -> None:
        if message["type"] == "websocket.send":
            await leave.wait()

    carrying = asyncio.create_task(proxy(browser.receive, stuck, ConsoleAddress(socket_path=path)))
    seen = -1
    while seen != written:  # until nothing moves any more
        seen = written
        for _ in range(200):
            await asyncio.sleep(0)
    assert written < 8 << 20
    browser.to_send.put_nowait({"type": "websocket.disconnect"})
    await carrying
    server.close()
