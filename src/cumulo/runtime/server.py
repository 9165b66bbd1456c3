"""`python -m cumulo.runtime.server --state DIR`: the process that is control plane and node in one."""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import structlog
import uvicorn
import uvloop

from cumulo.core.config import BadSetting
from cumulo.core.errors import Error
from cumulo.runtime import telling
from cumulo.runtime.composition import Composition, compose
from cumulo.runtime.contents import Contents
from cumulo.runtime.database import reason_of, shown
from cumulo.runtime.engines.server import FRUGAL
from cumulo.runtime.inside import CallRefused
from cumulo.runtime.settings import HttpSettings, config_of, runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.streams import StreamingProtocol
from cumulo.serving import Bounds

log = structlog.get_logger(__name__)

_GOODBYE = 5  # seconds that open requests get to finish
_IDLE = 65  # seconds that a silent connection is kept
_GARBAGE = 10_000  # new containers until the young are looked through: as many as a list of 1,000 rows (0347)


async def serve(state: StateFolder) -> None:
    """Run the cloud until SIGTERM or SIGINT."""
    composition = await compose(state)
    contents = Contents(composition.app, state)
    await _start(composition, contents)
    rest = asyncio.create_task(contents.rest(), name="first contents")
    server = HttpServer(
        uvicorn.Config(
            composition.app,
            http=protocol(),
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # a guest's screen comes compressed
            lifespan="off",
            log_config=None,
            log_level="error",  # that somebody sends what is no HTTP is no news
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=_GOODBYE,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    gc.freeze()  # what is there now stays: collecting garbage need not go through it again and again
    gc.set_threshold(_GARBAGE, 10, 10)
    log.info("server.ready", url=composition.settings.http.url)
    try:
        await server.serve(sockets=listeners(composition))
    finally:
        rest.cancel()
        await asyncio.gather(rest, return_exceptions=True)
        await composition.stop()
        log.info("server.stopped")


def protocol() -> type[StreamingProtocol]:
    """Return the protocol of clients' connections: these take half of the files that may be open, at most."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = Bounds().connections if files == resource.RLIM_INFINITY else min(Bounds().connections, files // 2)
    return type("ClientsProtocol", (StreamingProtocol,), {"bounds": Bounds(connections=most)})


class CannotStart(Exception):
    """What the server needs and does not find, in words for its log's last line."""


async def _start(composition: Composition, contents: Contents) -> None:
    """Have the cloud work, with what clouds.yaml promises. Raises CannotStart."""
    database = shown(composition.settings.database)
    try:
        await composition.start()
        await contents.first()
    except Error as error:
        if composition.ready["founded"]:
            raise
        raise CannotStart(f"the database ({database}) cannot be used: {reason_of(error)}") from error
    except CallRefused as error:
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise
        mine = composition.state.admin_password
        text = f"the database ({database}) holds another cloud: its administrator's password is not that of"
        raise CannotStart(f"{text} {mine}") from error


class HttpServer(uvicorn.Server):
    """uvicorn's server, which would end the process by the signal before we have stopped in good order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us."""
        yield

    def end(self) -> None:
        """Stop serving once open requests are answered."""
        self.should_exit = True


def listeners(composition: Composition) -> list[socket.socket]:
    """Return the main listener, and one for each classic port where they are asked for."""
    http = composition.settings.http
    ports = [http.port, *(sorted(composition.app.ports) if http.classic_ports else ())]
    return [_listener(http, port) for port in ports]


def _listener(http: HttpSettings, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.listen else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((http.listen, port))
    except OSError as error:
        listener.close()
        mend = "`cumulo doctor` says who has it; or set [http] port"
        raise CannotStart(
            f"nobody can be served at {http.listen}:{port} ({error.strerror}): {mend}"
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def leave_frugality() -> None:
    """Have what this process starts keep its memory: glibc has read these words here, at the very start.

    A storage daemon that gives each large block back takes 1.4 times as long for reading 1 MiB (measured).
    """
    for name in FRUGAL:
        os.environ.pop(name, None)


def main() -> None:
    """Serve the cloud of a state folder."""
    parser = argparse.ArgumentParser(prog="cumulo-server")
    parser.add_argument("--state", type=Path, required=True)
    state = config_of(parser.parse_args().state)
    leave_frugality()
    telling.configure(runtime_settings(state).log)
    try:
        uvloop.run(serve(state))
    except (BadSetting, CannotStart) as error:
        log.debug("server.cannot_start", exc_info=error)
        sys.exit(f"cumulo: {error}")


if __name__ == "__main__":
    main()
