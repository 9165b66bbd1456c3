"""A connection to a Ceph cluster: Debian's bindings, its keys and monitors, and a table of records.

The bindings are of Debian's own Python of the same version, outside this environment's path.
"""

import asyncio
import configparser
import importlib
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cumulo.core.drivers import DriverError, Gone, Permanent, Temporary
from cumulo.node.volumes.driver import Room

R = TypeVar("R")
_BINDINGS = "/usr/lib/python3/dist-packages"
_MOST = 1 << 20  # records asked for at a time; a Ceph gives fewer (`osd_max_omap_entries_per_request`)
_SECONDS = 10  # until a cluster that does not answer counts as away
_THREADS = 32  # removing and flattening images lasts long, and must keep nothing else of the process waiting


class Account(msgspec.Struct, frozen=True):
    """Who we are to the cluster, and where it is described: paths of ceph.conf and of a keyring."""

    user: str
    conf: str
    keyring: str


@cache
def bindings(name: str) -> Any:
    """Import one of Debian's bindings (rados, rbd). Permanent when it is not installed."""
    sys.path.append(_BINDINGS)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Permanent(f"the package python3-{name} is not installed") from error
    finally:
        sys.path.remove(_BINDINGS)


class Cluster:
    """A connection to one pool of a cluster. What blocks runs in threads."""

    def __init__(self, pool: str, account: Account) -> None:
        self.pool = pool
        self.account = account
        self.key = ""
        self.monitors: tuple[tuple[str, int], ...] = ()
        self._rados: Any = None
        self._io: Any = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ceph")

    async def connect(self) -> None:
        """Connect; Temporary when the cluster is away."""
        await self.work(self._connect)

    async def close(self) -> None:
        """Hang up."""
        if self._io is not None:
            await asyncio.to_thread(self._io.close)
            self._io = None
        if self._rados is not None:
            await asyncio.to_thread(self._rados.shutdown)
            self._rados = None

    @property
    def io(self) -> Any:
        """The pool, as the bindings take it."""
        if self._io is None:
            raise Temporary("the Ceph cluster is not connected")
        return self._io

    async def work(self, work: Callable[[], R]) -> R:
        """Run what blocks in a thread; the bindings' errors become drivers'."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except DriverError:
            raise
        except Exception as error:
            raise _failure(error) from error

    def room(self) -> Room:
        """Return how much the pool holds and may still hold."""
        for one in self._ask("df")["pools"]:
            if one["name"] == self.pool:
                stats = one["stats"]
                return Room(stats["stored"] + stats["max_avail"], stats["max_avail"])
        raise Permanent(f"the Ceph cluster has no pool {self.pool}")

    def records(self, table: str) -> dict[str, bytes]:
        """Return a table's records (an object's omap)."""
        found: dict[str, bytes] = {}
        while piece := self._records_after(table, max(found, default="")):
            found |= piece
        return found

    def one_record(self, table: str, name: str) -> bytes | None:
        """Return a record of a table; None when there is none."""
        rados = bindings("rados")
        with rados.ReadOpCtx() as reading:
            found, _ = self.io.get_omap_vals_by_keys(reading, (name,))
            try:
                self.io.operate_read_op(reading, table)
            except rados.ObjectNotFound:
                return None
            return dict(found).get(name)

    def _records_after(self, table: str, name: str) -> dict[str, bytes]:
        """Return the next records of a table: as many as a Ceph gives at a time, 1,024 by default."""
        rados = bindings("rados")
        with rados.ReadOpCtx() as reading:
            found, _ = self.io.get_omap_vals(reading, name, "", _MOST)
            try:
                self.io.operate_read_op(reading, table)
            except rados.ObjectNotFound:
                return {}
            return dict(found)

    def record(self, table: str, name: str, value: bytes) -> None:
        """Make a record durable."""
        rados = bindings("rados")
        with rados.WriteOpCtx() as writing:
            self.io.set_omap(writing, (name,), (value,))
            self.io.operate_write_op(writing, table)

    def forget(self, table: str, name: str) -> None:
        """Remove a record; none is no error."""
        rados = bindings("rados")
        with rados.WriteOpCtx() as writing:
            self.io.remove_omap_keys(writing, (name,))
            self.io.operate_write_op(writing, table)

    def _connect(self) -> None:
        account = self.account
        self.key = _key(Path(account.keyring), account.user)
        options = {"keyring": account.keyring, "client_mount_timeout": str(_SECONDS)}
        options |= {"rados_mon_op_timeout": str(_SECONDS)}
        self._rados = bindings("rados").Rados(rados_id=account.user, conffile=account.conf, conf=options)
        self._rados.connect(timeout=_SECONDS)
        self._io = self._rados.open_ioctx(self.pool)
        self.monitors = tuple(_address(one) for one in self._ask("mon dump")["mons"])

    def _ask(self, command: str) -> Any:
        request = json.dumps({"prefix": command, "format": "json"})
        status, answer, reason = self._rados.mon_command(request, b"")
        if status:
            raise Temporary(f"the Ceph cluster refuses {command}: {reason}")
        return json.loads(answer)


def _key(keyring: Path, user: str) -> str:
    """Return a user's key from a keyring file."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string("\n".join(line.strip() for line in keyring.read_text().splitlines()))
        return parser[f"client.{user}"]["key"]
    except (OSError, KeyError, configparser.Error) as error:
        raise Permanent(f"the keyring {keyring} has no key of client.{user}") from error


def _address(monitor: Any) -> tuple[str, int]:
    """Return where a monitor listens: by the older protocol, which takes a bare host and port, if it can."""
    found = {one["type"]: one["addr"] for one in monitor["public_addrs"]["addrvec"]}
    host, _, port = found.get("v1", found.get("v2", "")).rpartition(":")
    return host.strip("[]"), int(port)


def _failure(error: Exception) -> DriverError:
    """Return what an error of the bindings means. Theirs are classes of rados and rbd."""
    kind = type(error).__name__
    if kind in {"ImageNotFound", "ObjectNotFound"}:
        return Gone(f"it is not in the Ceph pool: {error}", public="it is not in the Ceph pool")
    if kind in {"ImageBusy", "TimedOut", "ConnectionShutdown", "NotConnected"}:
        return Temporary(f"Ceph: {kind}: {error}", public="the Ceph cluster does not do it now")
    return Permanent(f"Ceph: {kind}: {error}", public="the Ceph cluster failed")
