"""One connection to libvirt, used from a small thread pool, that comes back when libvirtd restarts.

libvirt-python blocks, so each call runs in a thread. Events arrive in a thread of their own, which
runs libvirt's event loop for the whole process, and are handed over to asyncio's.
"""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import libvirt
import structlog

from cumulo.core.drivers import Permanent, Temporary

T = TypeVar("T")
Domain = Any  # libvirt-python has no types: a virDomain
EventHandler = Callable[[str, str], None]  # kind (lifecycle, reboot, connected, lost), domain name

log = structlog.get_logger(__name__)

THREADS = 4
PATIENCE = 15.0  # seconds that a restarting libvirtd may take to answer again
PAUSE = 0.2  # seconds between two attempts
_ENDS = {0: "error", 1: "end of file", 2: "silence", 3: "hung up"}  # virConnectCloseReason
RETRY_LATER = frozenset({libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_RESOURCE_BUSY})

_loop_lock = threading.Lock()
_loop_thread: threading.Thread | None = None


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _start_events() -> None:
    """Start the process's one libvirt event loop; must come before the first connection."""
    global _loop_thread  # noqa: PLW0603  libvirt's event loop is one a process, too
    with _loop_lock:
        if _loop_thread is None:
            libvirt.registerErrorHandler(lambda *_: None, None)  # it would print to stderr
            libvirt.virEventRegisterDefaultImpl()
            _loop_thread = threading.Thread(target=_run_events, name="libvirt", daemon=True)
            _loop_thread.start()


class Connection:
    """A connection to `uri`; `on_event` is called on asyncio's loop."""

    def __init__(self, uri: str, on_event: EventHandler) -> None:
        self._uri = uri
        self._on_event = on_event
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="libvirt")
        self._lock = threading.Lock()
        self._connection: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Get ready. The connection is opened by the first `run`."""
        self._loop = asyncio.get_running_loop()
        _start_events()

    async def stop(self) -> None:
        """Disconnect."""
        await self._in_thread(self._close)
        self._loop = None
        self._pool.shutdown(wait=False)

    async def run(self, function: Callable[[Any], T]) -> T:
        """Return `function(connection)`, run in a thread.

        When the connection was lost meanwhile, it is opened again and the function called once
        more: it must bear that. libvirt's errors become Temporary or Permanent.
        """
        return await self._in_thread(self._call, function)

    async def run_apart(self, function: Callable[[Any], T]) -> T:
        """Do the same in a thread of its own, for what lasts long: others do not wait for one to be free.

        Nor does the process, when it is to end: libvirt goes on by itself.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def tell(say: Callable[[], None]) -> None:
            if not done.done():  # else whoever waited was cancelled
                say()

        def work() -> None:
            try:
                say = functools.partial(done.set_result, self._call(function))
            except Exception as error:  # noqa: BLE001  it is the caller's to judge
                say = functools.partial(done.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell, say)

        threading.Thread(target=work, name="libvirt apart", daemon=True).start()
        return await done

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def _call(self, function: Callable[[Any], T]) -> T:
        connection = self._connected()
        try:
            try:
                return function(connection)
            except libvirt.libvirtError:
                if connection.isAlive():
                    raise
                return function(self._connected())
        except libvirt.libvirtError as error:
            raise _translated(error) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._connection is not None and self._connection.isAlive():
                return self._connection
            self._close()
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    self._connection = self._open()
                except libvirt.libvirtError as error:
                    if time.monotonic() > deadline:
                        public = "the hypervisor does not answer"
                        raise Temporary(f"libvirt: {error}", public=public) from error
                    time.sleep(PAUSE)
                else:
                    return self._connection

    def _open(self) -> Any:
        connection = libvirt.open(self._uri)
        connection.setKeepAlive(5, 3)
        connection.registerCloseCallback(self._lost, None)
        for kind, number in (
            ("lifecycle", libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE),
            ("reboot", libvirt.VIR_DOMAIN_EVENT_ID_REBOOT),
        ):
            connection.domainEventRegisterAny(None, number, self._heard, kind)
        log.info("hypervisor.connected", uri=self._uri)
        self._tell("connected", "")
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            try:
                self._connection.unregisterCloseCallback()
                self._connection.close()
            except libvirt.libvirtError as error:
                log.debug("hypervisor.close", reason=str(error))
            self._connection = None

    def _heard(self, _connection: Any, domain: Domain, *rest: Any) -> None:
        self._tell(rest[-1], domain.name())

    def _lost(self, _connection: Any, reason: int, _opaque: Any) -> None:
        log.warning("hypervisor.connection_lost", uri=self._uri, reason=_ENDS.get(reason, reason))
        self._tell("lost", "")

    def _tell(self, kind: str, name: str) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._on_event, kind, name)


def _translated(error: Any) -> Temporary | Permanent:
    """Return an error of ours; what libvirt says names files of the host, which is not for users."""
    if error.get_error_code() in RETRY_LATER:
        return Temporary(str(error), public="the hypervisor was busy")
    return Permanent(str(error), public="the hypervisor refused")
