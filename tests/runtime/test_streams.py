"""Long bodies over real connections: received and sent past uvicorn, with nothing lost around them."""

import asyncio
import contextlib
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from cumulo.core.http import Disconnected, FileBody, Request, Response
from cumulo.runtime.streams import BLOCK, StreamingProtocol

LENGTH = 3 * BLOCK + 12345


class Service:
    """An application that hashes what it is sent, and sends a file. `ended`: how each upload ended."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        if scope["type"] != "http":
            return
        if request.method == "GET":
            assert request.sends_files
            size = self.file.stat().st_size
            body = FileBody(self.file.open("rb", 0), 5, size - 5)
            await Response(200, body, {"Content-Length": str(size - 5)}).send(send)
            return
        if request.path == "/refuse":
            async for _ in request.blocks():
                break
            await Response(415, {"error": "no"}).send(send)
            return
        if request.path == "/soon":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    async for _ in request.blocks():
                        pass
            await Response(408, b"silent").send(send)
            return
        await self._hash(request, send)

    async def _hash(self, request: Request, send: Any) -> None:
        found = hashlib.sha256()
        try:
            async for block in request.blocks():
                found.update(block)
        except Disconnected:
            self.ended.put_nowait("disconnected")
            return
        self.ended.put_nowait("whole")
        await Response(200, found.hexdigest().encode()).send(send)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Service, int]]:
    (tmp_path / "file").write_bytes(os.urandom(LENGTH))
    service = Service(tmp_path / "file")
    config = uvicorn.Config(
        service, http=StreamingProtocol, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve([listener]))
        yield service, listener.getsockname()[1]
        server.should_exit = True
        await running


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one answer with a length: its first line and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head.split(b"\r\n")[0], await reader.readexactly(int(length.split(b":")[1]))


def put(path: str, length: int, *more: str) -> bytes:
    lines = (f"PUT {path} HTTP/1.1", "Host: here", f"Content-Length: {length}", *more, "", "")
    return "\r\n".join(lines).encode()


GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def test_bodies_arrive_whole_one_after_another_on_one_connection(served: tuple[Service, int]) -> None:
    _, port = served
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for length in (LENGTH, 17, BLOCK, 2 * BLOCK):
        data = os.urandom(length)
        writer.write(put("/", length) + data)
        line, told = await answer(reader)
        assert line == b"HTTP/1.1 200 OK"
        assert told == hashlib.sha256(data).hexdigest().encode()
    writer.close()


async def test_a_client_that_waits_to_be_asked_is_asked(served: tuple[Service, int]) -> None:
    _, port = served
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(put("/", LENGTH, "Expect: 100-continue"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    data = os.urandom(LENGTH)
    for start in range(0, LENGTH, 100_000):  # slowly, in pieces of no particular size
        writer.write(data[start : start + 100_000])
        await writer.drain()
    assert (await answer(reader))[1] == hashlib.sha256(data).hexdigest().encode()
    writer.close()


async def test_a_refusal_in_the_middle_is_heard_and_the_connection_goes_on(
    served: tuple[Service, int],
) -> None:
    _, port = served
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(put("/refuse", LENGTH) + bytes(BLOCK))
    line, told = await answer(reader)
    assert line.startswith(b"HTTP/1.1 415")
    assert told == b'{"error":"no"}'
    writer.write(bytes(LENGTH - BLOCK) + put("/", 2) + b"ab")
    assert (await answer(reader))[1] == hashlib.sha256(b"ab").hexdigest().encode()
    writer.close()


async def test_who_gives_up_on_a_silent_client_can_tell_it_so(served: tuple[Service, int]) -> None:
    _, port = served
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(put("/soon", LENGTH) + bytes(BLOCK + 1))
    line, _ = await answer(reader)
    assert line.startswith(b"HTTP/1.1 408")
    assert await reader.read() == b""
    writer.close()


async def test_a_client_that_goes_away_ends_its_upload(served: tuple[Service, int]) -> None:
    service, port = served
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(put("/", LENGTH) + bytes(BLOCK + 1))
    await writer.drain()
    writer.close()
    assert await service.ended.get() == "disconnected"


async def test_a_file_is_sent_from_where_it_was_asked_to_one_that_takes_its_time(
    served: tuple[Service, int],
) -> None:
    service, port = served
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = service.file.read_bytes()
    for _ in range(2):
        writer.write(GET)
        assert (await answer(reader))[1] == whole[5:]
    writer.close()
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.sendall(GET)  # it never reads, and goes
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    assert (await answer(reader))[1] == whole[5:]
    writer.close()
