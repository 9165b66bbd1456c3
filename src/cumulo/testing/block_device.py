"""A volume as a guest has it: opened by a QEMU of the test's own, read and written over NBD."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cumulo.contracts.volumes import BlockAccess
from cumulo.node.volumes.images import options_of, secrets, written
from cumulo.node.volumes.nbd import NbdClient

_EXPORT = "seen"


class QemuDevice:
    """An attached volume."""

    def __init__(self, client: NbdClient) -> None:
        self._client = client

    async def size(self) -> int:
        """Return how many bytes long it is."""
        return self._client.size

    async def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""
        return await self._client.read(offset, length)

    async def write(self, offset: int, data: bytes) -> None:
        """Write a piece."""
        await self._client.write(offset, data)


@asynccontextmanager
async def attached(access: BlockAccess, tls_folder: str = "") -> AsyncIterator[QemuDevice]:
    """Attach a volume for a while."""
    with tempfile.TemporaryDirectory(prefix="seen-") as folder, secrets() as kept:
        socket = Path(folder, "nbd")
        options = {**options_of(access, kept, tls_folder), "node-name": "seen"}
        read_only = "on" if access.read_only else "off"
        process = await asyncio.create_subprocess_exec(
            *("qemu-storage-daemon", *kept.words),
            *("--nbd-server", f"addr.type=unix,addr.path={socket}"),
            *("--blockdev", f"{written(options)},read-only={read_only}"),
            *("--export", f"nbd,id=seen,node-name=seen,name={_EXPORT},writable={_opposite(read_only)}"),
            pass_fds=kept.descriptors,
        )
        try:
            while not await asyncio.to_thread(socket.exists):
                assert process.returncode is None, "QEMU does not open the volume"
                await asyncio.sleep(0.02)
            client = await _connected(socket)
            try:
                yield QemuDevice(client)
            finally:
                await client.close()
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _connected(socket: Path) -> NbdClient:
    """Connect once the export is there; the socket is there a moment before."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await NbdClient.connect(socket, _EXPORT)
            except Exception:  # noqa: BLE001  until the time is over
                await asyncio.sleep(0.02)


def _opposite(switch: str) -> str:
    return "off" if switch == "on" else "on"
