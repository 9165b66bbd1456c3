"""One tgtd, which exports the files of one volume over iSCSI, and what its control socket understands.

Its requests are struct tgtadm_req of tgt 1.0 (usr/tgtadm.h), sent by us and not by the tool tgtadm: that
takes passwords as arguments, which everybody on the host can read.
"""

import asyncio
import hashlib
import os
import re
import select
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cumulo.core.drivers import Permanent, Temporary
from cumulo.node.commands import launch

_REQUEST = struct.Struct("<ii64sIiQQIIIIII")  # mode, op, driver, length, target, session, LU, …, force
_REPLY = struct.Struct("<II")  # error, length
_SYSTEM, _TARGET, _UNIT, _PORTAL, _ACCOUNT = 0, 1, 2, 3, 7
_NEW, _DELETE, _SHOW, _BIND, _UPDATE = 0, 1, 2, 3, 5
_NO_UNIT = (1 << 64) - 1
_SHOWN = re.compile(r"^Target (\d+): (\S+)$", re.MULTILINE)
_PAUSE = 0.02
_SECONDS = 10.0


class TargetDaemon:
    """The tgtd of a volume; `key` names it in the folder `run`."""

    def __init__(self, run_folder: Path, key: str) -> None:
        name = hashlib.sha256(key.encode()).hexdigest()[:12]
        self._control = run_folder / f"{name}.tgt"  # tgtd appends the number of its control port
        self.pid_file = run_folder / f"{name}.tgtpid"

    async def start(self, host: str, port: int) -> None:
        """Have it running, listening at an address. Temporary when another has the port."""
        portal = f"{host}:{port}"
        if await self._listens_at(portal):
            return
        self.pid_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self.end()
        environment = ("env", f"TGT_IPC_SOCKET={self._control}")
        at = ("--iscsi", f"portal={portal}")
        await launch(*environment, "tgtd", "-C", "0", "-t", "4", *at, "-p", str(self.pid_file))
        try:
            async with asyncio.timeout(_SECONDS):
                while not await self._answers():  # noqa: ASYNC110  it tells nobody
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            await self.end()
            raise Temporary("the iSCSI target does not answer") from None
        if not await self._listens_at(portal):  # but at its default port, on every address
            await self.end()
            raise Temporary(f"port {port} is taken")

    async def end(self) -> None:
        """End it at once, and see it gone: all that was written is in the host's cache already."""
        pid = self.pid()
        if pid:
            with suppress(ProcessLookupError):
                await _killed(pid)
        for file in (self.pid_file, Path(f"{self._control}.0"), Path(f"{self._control}.0.lock")):
            file.unlink(missing_ok=True)

    def pid(self) -> int:
        """Return its process, 0 when it does not run."""
        try:
            pid = int(self.pid_file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return 0
        return pid if str(self.pid_file).encode() in words else 0

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep it from writing meanwhile; who is connected waits."""
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self.thaw()

    def thaw(self) -> None:
        """Let it go on, also when a killed process froze it."""
        pid = self.pid()
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def targets(self) -> dict[str, int]:
        """Return its targets' numbers by name."""
        shown = await self._ask(_TARGET, _SHOW)
        return {name: int(number) for number, name in _SHOWN.findall(shown)}

    async def add(self, name: str, file: str, user: str, password: str, *, read_only: bool) -> None:
        """Have a target whose unit 1 is a file, for who knows the password."""
        number = max((await self.targets()).values(), default=0) + 1
        await self._ask(_TARGET, _NEW, number, text=f"targetname={name}")
        try:
            await self._ask(_UNIT, _NEW, number, unit=1, text=f"path={file}")
            if read_only:
                await self._ask(_UNIT, _UPDATE, number, unit=1, text="readonly=1")
            with suppress(Permanent):  # of a killed attempt, with the same password
                await self._ask(_ACCOUNT, _NEW, text=f"user={user},password={password}")
            await self._ask(_ACCOUNT, _BIND, number, text=f"user={user}")
            await self._ask(_TARGET, _BIND, number, text="initiator-address=ALL")
        except BaseException:
            await self._ask(_TARGET, _DELETE, number, force=1)
            raise

    async def remove(self, number: int, user: str) -> None:
        """End a target; who is connected is cut off."""
        await self._ask(_TARGET, _DELETE, number, force=1)
        with suppress(Permanent):
            await self._ask(_ACCOUNT, _DELETE, text=f"user={user}")

    async def _answers(self) -> bool:
        try:
            await self._ask(_SYSTEM, _SHOW)
        except (Temporary, Permanent):
            return False
        return True

    async def _listens_at(self, portal: str) -> bool:
        try:
            return f"Portal: {portal}," in await self._ask(_PORTAL, _SHOW)
        except (Temporary, Permanent):
            return False

    async def _ask(
        self, mode: int, op: int, target: int = -1, *, unit: int = _NO_UNIT, text: str = "", force: int = 0
    ) -> str:
        data = text.encode() + b"\0" if text else b""
        length = _REQUEST.size + len(data)
        request = _REQUEST.pack(mode, op, b"iscsi", length, target, 0, unit, 0, 0, 0, 0, 0, force)
        try:
            async with asyncio.timeout(_SECONDS):
                reader, writer = await asyncio.open_unix_connection(f"{self._control}.0")
                try:
                    writer.write(request + data)
                    await writer.drain()
                    error, size = _REPLY.unpack(await reader.readexactly(_REPLY.size))
                    answer = await reader.readexactly(max(0, size - _REPLY.size))
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as failure:
            raise Temporary("the iSCSI target does not answer") from failure
        if error:
            raise Permanent(f"the iSCSI target refuses with error {error}")
        return answer.rstrip(b"\0").decode(errors="replace")


async def _killed(pid: int) -> None:
    """Kill a daemon with its helper, which may not notice by itself; return when its port is free again."""
    handle = os.pidfd_open(pid)
    try:
        os.killpg(pid, signal.SIGKILL)
        await asyncio.to_thread(select.select, [handle], [], [], _SECONDS)
    finally:
        os.close(handle)
