"""Our client of a storage daemon that stops answering."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cumulo.core.drivers import Temporary
from cumulo.node.volumes import nbd
from cumulo.node.volumes.nbd import NbdClient

GREETING = b"NBDMAGICIHAVEOPT" + struct.pack(">H", 3)
TO_GO = nbd.OPTION_REPLY.pack(0x0003E889045565A9, 7, 1, 0)


@pytest.fixture
async def silent(short_path: Path) -> AsyncIterator[Path]:
    """A daemon that greets, and answers no request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING + TO_GO)
        while await reader.read(1 << 16):
            pass
        writer.close()

    async with await asyncio.start_unix_server(serve, short_path / "nbd"):
        yield short_path / "nbd"


async def test_a_daemon_that_hangs_holds_nobody_for_ever(
    silent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await NbdClient.connect(silent, "own")
    monkeypatch.setattr(nbd, "_SECONDS", 0.01)
    async with asyncio.timeout(20):
        with pytest.raises(Temporary, match="did not answer"):
            await client.read(0, 512)
    assert client.closed
