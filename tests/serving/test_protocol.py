"""Clients that are slow, endless, silent or many: each connection ends soon, and the others are served."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from cumulo.core.http import Disconnected, Request, Response
from cumulo.serving import BoundedProtocol, Bounds

SOON = 0.05  # seconds
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"x" * 100_000
PATIENCE = 20.0  # seconds, on a machine with other things to do


class Service:
    """An application that says how long a body is. `ended`: how each came to its end; `go`: may it answer."""

    def __init__(self) -> None:
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        self.headers: list[str] = []
        self.state = ServerState()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": (await receive())["text"]})
            return
        request = Request(scope, receive)
        await self.go.wait()
        if request.path == "/long":
            await Response(200, LONG * 200).send(send)
            return
        size = 0
        try:
            if request.method == "POST":
                async for part in request.stream():
                    size += len(part)
        except Disconnected:
            self.ended.put_nowait("disconnected")
            return
        self.headers = [name.decode() for name, _ in scope["headers"]]
        await Response(200, str(size).encode()).send(send)


Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@asynccontextmanager
async def serving(**bounds: Any) -> AsyncIterator[tuple[Service, Open]]:
    """Serve within these bounds, and give what opens a connection."""
    service = Service()
    kind = type("Protocol", (BoundedProtocol,), {"bounds": Bounds(every=SOON / 5, **bounds)})
    config = uvicorn.Config(
        service, http=kind, ws="websockets-sansio", lifespan="off", log_config=None, access_log=False
    )
    config.load()
    state = service.state
    server = await asyncio.get_running_loop().create_server(
        lambda: kind(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    writers: list[asyncio.StreamWriter] = []

    async def opened() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    async with asyncio.timeout(PATIENCE):
        yield service, opened
        for writer in writers:
            writer.close()
        server.close()
        while state.connections or state.tasks:  # noqa: ASYNC110  the last to leave
            await asyncio.sleep(0.001)


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read until the server ends the connection; what it said, when it said something."""
    said = b""
    try:
        while part := await reader.read(1 << 16):
            said += part
    except ConnectionError:
        pass
    return said


async def flood(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send the same again and again, until the server has enough."""
    try:
        while not writer.is_closing():
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass


@pytest.mark.parametrize(
    "head", [b"GET /" + LONG, b"GET / HTTP/1.1\r\nX: " + LONG, GET[:-2] + b"X: y\r\n" * 20_000]
)
async def test_a_head_without_end_is_refused(head: bytes) -> None:
    async with serving() as (_, opened):
        reader, writer = await opened()
        writer.write(head)
        assert (await rest(reader)).startswith(b"HTTP/1.1 431 ")


async def test_a_long_head_is_refused_though_it_came_at_once() -> None:
    async with serving() as (_, opened):
        reader, writer = await opened()
        writer.write(GET[:-2] + b"X: " + LONG + b"\r\n\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("said", [b"G", b"GET / HTTP/1.1\r\nHost: he"])
async def test_a_head_that_does_not_come_is_waited_for_no_longer(said: bytes) -> None:
    async with serving(head_seconds=SOON) as (_, opened):
        reader, writer = await opened()
        writer.write(said)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_trickles_is_waited_for_no_longer() -> None:
    async with serving(head_seconds=SOON) as (_, opened):
        reader, writer = await opened()
        writer.write(GET[:-2] + b"X: ")
        trickle = asyncio.create_task(flood(writer, b"x"))
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")
        trickle.cancel()


@pytest.mark.parametrize("said", [b"", b"\r\n\r\n"])
async def test_a_connection_that_asks_for_nothing_ends(said: bytes) -> None:
    async with serving(idle_seconds=SOON) as (_, opened):
        reader, writer = await opened()
        writer.write(said)
        assert await rest(reader) == b""


@pytest.mark.parametrize(
    "said", [CHUNKED + b"5\r\nab", GET.replace(b"GET", b"POST")[:-2] + b"Content-Length: 9\r\n\r\nx"]
)
async def test_a_body_that_does_not_come_is_waited_for_no_longer(said: bytes) -> None:
    async with serving(body_seconds=SOON) as (service, opened):
        reader, writer = await opened()
        writer.write(said)
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")
        assert await service.ended.get() == "disconnected"


async def given_up(opened: Open) -> None:
    """Wait until the server has waited for as long as it does for a body that does not come."""
    reader, writer = await opened()
    writer.write(CHUNKED + b"5\r\nab")
    assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_keeps_coming_is_waited_for() -> None:
    async with serving(body_seconds=SOON, body_rate=1000) as (_, opened):
        reader, writer = await opened()
        writer.write(CHUNKED + b"%x\r\n" % len(LONG) + LONG + b"\r\n")  # for 100 seconds more
        await given_up(opened)
        writer.write(b"0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(6) == b"100000"


async def test_a_client_that_waits_to_be_asked_for_its_body_is_not_hurried() -> None:
    async with serving(body_seconds=SOON) as (service, opened):
        service.go.clear()
        reader, writer = await opened()
        writer.write(CHUNKED[:-2] + b"Expect: 100-continue\r\n\r\n")
        await given_up(opened)
        service.go.set()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_nobody_wants_may_go_on_for_a_while_only() -> None:
    async with serving(rest_seconds=SOON) as (_, opened):
        reader, writer = await opened()
        writer.write(CHUNKED.replace(b"POST", b"GET"))
        sending = asyncio.create_task(flood(writer, b"3e8\r\n" + LONG[:1000] + b"\r\n"))
        assert (await rest(reader)).startswith(b"HTTP/1.1 200 ")
        await sending


@pytest.mark.parametrize("said", [b"0\r\n" + b"X: y\r\n" * 100_000, b"0\r\nX: " + LONG * 5, b"1;" + LONG * 5])
async def test_what_stands_around_a_body_has_an_end(said: bytes) -> None:
    async with serving() as (service, opened):
        reader, writer = await opened()
        writer.write(CHUNKED + said)
        assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
        assert await service.ended.get() == "disconnected"


async def test_trailers_are_no_headers() -> None:
    async with serving() as (service, opened):
        reader, writer = await opened()
        writer.write(CHUNKED + b"1\r\nx\r\n0\r\nX-Auth-Token: t\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert service.headers == ["host", "transfer-encoding"]


@pytest.mark.parametrize("said", [b"zz\r\n", b"5\r\nabcdefgh\r\n", b"-1\r\n", b"fffffffffffffffff\r\n"])
async def test_a_broken_piece_of_a_body_is_refused(said: bytes) -> None:
    async with serving() as (service, opened):
        reader, writer = await opened()
        writer.write(CHUNKED + said)
        assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
        assert await service.ended.get() == "disconnected"


async def test_a_body_that_ends_too_soon_ends_the_request() -> None:
    async with serving() as (service, opened):
        reader, writer = await opened()
        writer.write(CHUNKED + b"5\r\nab")
        writer.write_eof()
        assert await rest(reader) == b""
        assert await service.ended.get() == "disconnected"


async def test_who_asks_and_asks_without_reading_is_hung_up_on() -> None:
    async with serving() as (service, opened):
        service.go.clear()
        reader, writer = await opened()
        writer.write(GET * 100)
        assert await rest(reader) == b""
        service.go.set()


async def test_a_few_questions_at_once_are_answered_in_turn() -> None:
    async with serving() as (_, opened):
        reader, writer = await opened()
        writer.write(GET * 5)
        for _ in range(5):
            assert (await reader.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_that_nobody_takes_ends() -> None:
    async with serving(taking_seconds=SOON) as (service, opened):
        reader, writer = await opened()
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # as who does not read
        writer.write(GET.replace(b"/ ", b"/long "))
        other, asking = await opened()
        asking.write(GET)
        assert (await other.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")
        while len(service.state.connections) > 1:  # noqa: ASYNC110  whoever it is that stays
            await asyncio.sleep(0.001)
        asking.write(GET)
        assert (await other.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")


async def test_the_longest_idle_connection_makes_room() -> None:
    async with serving(connections=50) as (service, opened):
        service.go.clear()
        busy, asking = await opened()
        asking.write(GET)
        first, _ = await opened()
        idle = [await opened() for _ in range(200)]
        assert await rest(first) == b""
        last, writer = idle[-1]
        service.go.set()
        writer.write(GET)
        for reader in (last, busy):
            assert (await reader.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")


async def test_a_websocket_may_be_silent() -> None:
    async with serving(idle_seconds=SOON, body_seconds=SOON, rest_seconds=SOON) as (_, opened):
        reader, writer = await opened()
        key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        writer.write(GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + key + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        silent, _ = await opened()
        assert await rest(silent) == b""
        writer.write(b"\x81\x82\0\0\0\0hi")  # a text of two letters, masked by nothing
        assert await reader.readexactly(4) == b"\x81\x02hi"


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n" + b"5\r\nhello\r\n0\r\n\r\n"],
)
async def test_who_also_speaks_of_another_protocol_is_served_by_this_one(body: bytes, pieces: int) -> None:
    """Java's client does so in the clear, with bodies too; and asks for more on the same connection."""
    said = b"POST / HTTP/1.1\r\nHost: here\r\n" + H2C + body + GET
    async with serving() as (service, opened):
        reader, writer = await opened()
        step = len(said) // pieces + 1
        for at in range(0, len(said), step):
            writer.write(said[at : at + step])
            await asyncio.sleep(0)
        found = b""
        while found.count(b"HTTP/1.1 200 OK") < 2 or not found.endswith(b"\r\n\r\n0"):
            found += await reader.read(1000)
        assert b"\r\n\r\n5HTTP/1.1 200 OK" in found
        assert "upgrade" not in service.headers


async def test_several_in_a_row_that_speak_of_another_protocol_are_all_served() -> None:
    said = b"POST / HTTP/1.1\r\nHost: here\r\n" + H2C + b"Content-Length: 5\r\n\r\nhello"
    async with serving() as (_, opened):
        reader, writer = await opened()
        writer.write(3 * said)
        found = b""
        while found.count(b"\r\n\r\n5") < 3:
            part = await reader.read(1000)
            assert part
            found += part
        assert found.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "said",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"Content-Length: 5, 5\r\n\r\nhello",
        b"Content-Length: +5\r\n\r\nhello",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello",
        b"X: a\rContent-Length: 5\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    ],
)
async def test_a_head_that_another_may_read_otherwise_is_refused(said: bytes) -> None:
    """A proxy before us might take for a part of the body what we take for a request, or the reverse."""
    async with serving() as (_, opened):
        reader, writer = await opened()
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\n" + said + GET)
        found = await reader.read()
        assert found.startswith(b"HTTP/1.1 400 ")
        assert found.count(b"HTTP/1.1") == 1


async def test_nobody_is_connected_to_elsewhere() -> None:
    async with serving() as (_, opened):
        reader, writer = await opened()
        writer.write(b"CONNECT here:443 HTTP/1.1\r\nHost: here\r\n\r\n" + GET)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
