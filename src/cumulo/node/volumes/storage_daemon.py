"""One qemu-storage-daemon, which exports one chain of layers over NBD.

It is a process of its own that outlives ours: found again by its monitor's socket. Nodes carry their
layers' names: `n` and the layer is the image, `f` and the layer the file that holds it.
"""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from cumulo.core.drivers import DriverError, Temporary
from cumulo.node.commands import launch
from cumulo.node.volumes.qmp import Monitor, Refused

PROGRAM = "qemu-storage-daemon"
_PAUSE = 0.02  # seconds between two looks at something that ends soon
_JOB_PAUSE = 0.2  # seconds between two looks at a job
_LONGEST_END = 10.0  # seconds that a daemon may take to end before it is killed


class Layer(msgspec.Struct, frozen=True):
    """One layer of a chain, as a daemon opens it: name, format and QEMU's options of its file."""

    name: str
    format: str
    file: dict[str, Any]


class Listening(msgspec.Struct, frozen=True):
    """Where a daemon listens: on a socket in its folder, or with TLS on an address (`port` not 0)."""

    address: str = ""
    port: int = 0
    tls_folder: str = ""  # with ca-cert.pem, server-cert.pem and server-key.pem; clients need one of that CA

    def words(self, path: Path) -> list[str]:
        """Return the daemon's arguments."""
        if not self.port:
            return ["--nbd-server", f"addr.type=unix,addr.path={path},max-connections=100"]
        credentials = f"tls-creds-x509,id=tls,dir={self.tls_folder},endpoint=server,verify-peer=on"
        at = f"addr.type=inet,addr.host={self.address},addr.port={self.port}"
        return ["--object", credentials, "--nbd-server", f"{at},tls-creds=tls,max-connections=100"]


class StorageDaemon:
    """The daemon of one volume or snapshot; `key` names it in the folder `run`."""

    def __init__(self, run_folder: Path, key: str) -> None:
        self._name_files(run_folder, hashlib.sha256(key.encode()).hexdigest()[:12])

    @classmethod
    def of_file(cls, file: Path) -> "StorageDaemon":
        """Return the daemon that one of its files in its folder belongs to."""
        daemon = cls(file.parent, "")
        daemon._name_files(file.parent, file.stem)
        return daemon

    def _name_files(self, run_folder: Path, name: str) -> None:
        self.socket = run_folder / f"{name}.nbd"
        self._monitor_socket = run_folder / f"{name}.qmp"
        self._pid_file = run_folder / f"{name}.pid"
        self._ready_file = run_folder / f"{name}.ready"  # one without it died before it was set up
        self._monitor: Monitor | None = None

    @property
    def files(self) -> set[Path]:
        """The files of a running daemon."""
        return {self.socket, self._monitor_socket, self._pid_file, self._ready_file}

    async def find(self) -> bool:
        """Say whether it runs and is set up, and connect to it."""
        return self._ready_file.exists() and await self._connect()

    async def _connect(self) -> bool:
        if self._monitor is not None and not self._monitor.closed:
            return True
        if not self._monitor_socket.exists():
            return False
        try:
            self._monitor = await Monitor.connect(self._monitor_socket)
        except Temporary:
            return False
        return True

    async def start(self, layers: Sequence[Layer], *, writable: bool, listening: Listening) -> None:
        """Start it on a chain, its lowest layer first. One that runs half set up is ended before."""
        await self.end()
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        chardev = f"socket,id=monitor,path={self._monitor_socket},server=on,wait=off"
        words = ("--daemonize", "--pidfile", str(self._pid_file), "--chardev", chardev)
        monitor = ("--monitor", "chardev=monitor")
        await launch(PROGRAM, *words, *monitor, *listening.words(self.socket))
        self._monitor = await Monitor.connect(self._monitor_socket)
        try:
            below: str | None = None
            for layer in layers:
                await self._add(layer, below, read_only=not (writable and layer is layers[-1]))
                below = layer.name
            self._ready_file.touch()
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """End it in good order, else kill it; but no process that got its number since."""
        process = self._process()
        if await self._connect():
            with contextlib.suppress(DriverError):  # it hung up, or is looked after below
                await self._ask("quit")
            self.forget()
        if process is not None:
            try:
                if not await _ended(process, _LONGEST_END):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    await _ended(process, _LONGEST_END)
            finally:
                os.close(process)
        for file in self.files:
            file.unlink(missing_ok=True)

    def forget(self) -> None:
        """Hang up; the daemon goes on."""
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None

    async def exports(self) -> dict[str, str]:
        """Return of each export its name and the layer that it shows."""
        found = await self._ask("query-block-exports")
        return {one["id"][2:]: one["node-name"][1:] for one in found if not one["shutting-down"]}

    async def add_export(self, name: str, layer: str, *, writable: bool, writethrough: bool = False) -> None:
        """Export a layer.

        writethrough: have each write on disk before it is acknowledged, with the tables that lead to it. A
        killed daemon takes with it what only it knows; what a raw file's own kernel has, stays.
        """
        await self._ask(
            "block-export-add",
            type="nbd",
            id=f"e-{name}",
            node_name=f"n{layer}",
            name=name,
            writable=writable,
            writethrough=writethrough,
        )

    async def remove_export(self, name: str) -> None:
        """End an export; whoever is connected is cut off."""
        try:
            await self._ask("block-export-del", id=f"e-{name}", mode="hard")
        except Refused:
            if name in await self.exports():
                raise
        while any(one["id"] == f"e-{name}" for one in await self._ask("query-block-exports")):  # noqa: ASYNC110  QEMU tells by events, which are not listened to
            await asyncio.sleep(_PAUSE)

    async def put_on_top(self, layers: Sequence[Layer]) -> None:
        """Have all that showed the highest but one of `layers` show the new, empty highest from now on.

        No write falls between, and the one below is only read from then on, by others too.
        """
        *_, below, top = layers
        try:
            await self._add(top, None, read_only=False)
        except Refused as error:
            if "uplicate" not in str(error):  # a killed attempt added it
                raise
        await self._ask("blockdev-snapshot", node=f"n{below.name}", overlay=f"n{top.name}")
        lowest = layers[-3].name if len(layers) > 2 else None  # noqa: PLR2004  below the one below
        closed = [_image(below, lowest, read_only=True), _file(below, read_only=True)]
        await self._ask("blockdev-reopen", options=closed)

    async def resize(self, layer: str, size: int) -> None:
        """Give a layer that nothing exports another size in bytes."""
        await self._ask("block_resize", node_name=f"n{layer}", size=size)

    async def merge(self, top: str, base: str | None, base_file: str | None, dropped: Sequence[str]) -> None:
        """Copy into `top` what lies between it and `base`, and let go of the layers between.

        It may be cancelled at any time, and begun again; what is read is the same throughout.
        """
        job = f"merge-{top}"
        below = {} if base is None else {"base_node": f"n{base}", "backing_file": base_file}
        try:
            await self._ask("block-stream", job_id=job, device=f"n{top}", auto_dismiss=False, **below)
            while await self._job(job) not in {"concluded", "null"}:  # noqa: ASYNC110  QEMU tells by events
                await asyncio.sleep(_JOB_PAUSE)
        except asyncio.CancelledError:
            await self._cancel(job)
            raise
        failed = [one.get("error") for one in await self._ask("query-jobs") if one["id"] == job]
        await self._ask("job-dismiss", id=job)
        if any(failed):
            raise Refused(f"merging layers failed: {failed[0]}")
        for layer in dropped:
            for kind in "nf":
                await self._ask("blockdev-del", node_name=f"{kind}{layer}")

    async def _cancel(self, job: str) -> None:
        try:
            await self._ask("job-cancel", id=job)
            while await self._job(job) not in {"concluded", "null"}:  # noqa: ASYNC110  QEMU tells by events
                await asyncio.sleep(_PAUSE)
            await self._ask("job-dismiss", id=job)
        except DriverError:
            pass  # it had not begun, or just ended

    async def _job(self, job: str) -> str:
        states = {one["id"]: one["status"] for one in await self._ask("query-jobs")}
        return str(states.get(job, "null"))

    async def _add(self, layer: Layer, below: str | None, *, read_only: bool) -> None:
        await self._ask("blockdev-add", **_file(layer, read_only=read_only))
        await self._ask("blockdev-add", **_image(layer, below, read_only=read_only))

    async def _ask(self, command: str, **arguments: Any) -> Any:
        if not await self._connect() or self._monitor is None:
            raise Temporary("the volume's storage daemon is gone")
        return await self._monitor.ask(command, **arguments)

    def _process(self) -> int | None:
        """Return an open descriptor of the daemon's process (pidfd_open(2)); None when it does not run.

        The number in its file may be another process's by now, and that one another volume's daemon: ours
        names our file on its command line. A descriptor stays that process's, whoever gets the number.
        """
        try:
            pid = int(self._pid_file.read_text())
            process = os.pidfd_open(pid)
        except (OSError, ValueError, OverflowError):
            return None
        try:
            program, *words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            program, words = "", []
        if program == PROGRAM and any(Path(word).name == self._pid_file.name for word in words):
            return process
        os.close(process)
        return None


def _file(layer: Layer, *, read_only: bool) -> dict[str, Any]:
    """Return the options of the node of a layer's file."""
    return {"node-name": f"f{layer.name}", "discard": "unmap", "read-only": read_only, **layer.file}


def _image(layer: Layer, below: str | None, *, read_only: bool) -> dict[str, Any]:
    """Return the options of the node of a layer's image."""
    image: dict[str, Any] = {"driver": layer.format, "node-name": f"n{layer.name}"}
    image |= {"file": f"f{layer.name}", "discard": "unmap", "read-only": read_only}
    if layer.format == "qcow2":
        image["backing"] = None if below is None else f"n{below}"
    return image


async def _ended(process: int, seconds: float) -> bool:
    """Wait for the end of a process, given by its descriptor; say whether it has come in so many seconds."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(process, over.set)
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(process)
    return True


async def end_strangers(run_folder: Path, known: set[Path]) -> None:
    """End the daemons in a folder whose files are not among those known."""
    for file in await asyncio.to_thread(lambda: list(run_folder.glob("*.pid"))):
        if file not in known:
            await StorageDaemon.of_file(file).end()
