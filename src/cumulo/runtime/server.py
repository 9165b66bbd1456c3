"""`python -m cumulo.runtime.server --state DIR`: the process that is control plane and node in one."""

import argparse
import asyncio
import socket
from pathlib import Path

import structlog
import uvicorn
import uvloop

from cumulo.core import observe
from cumulo.runtime.composition import Composition, compose
from cumulo.runtime.contents import Contents
from cumulo.runtime.settings import HttpSettings, config_of, runtime_settings
from cumulo.runtime.state import StateFolder

log = structlog.get_logger(__name__)

_GOODBYE = 5  # seconds that open requests get to finish


async def serve(state: StateFolder) -> None:
    """Run the cloud until SIGTERM or SIGINT."""
    composition = await compose(state)
    await composition.start()
    contents = Contents(composition.app, state)
    await contents.first()
    rest = asyncio.create_task(contents.rest(), name="first contents")
    server = uvicorn.Server(
        uvicorn.Config(
            composition.app,
            http="httptools",
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GOODBYE,
        )
    )
    try:
        await server.serve(sockets=listeners(composition))
    finally:
        rest.cancel()
        await asyncio.gather(rest, return_exceptions=True)
        await composition.stop()


def listeners(composition: Composition) -> list[socket.socket]:
    """Return the main listener, and one for each classic port where they are asked for."""
    http = composition.settings.http
    ports = [http.port, *(sorted(composition.app.ports) if http.classic_ports else ())]
    return [_listener(http, port) for port in ports]


def _listener(http: HttpSettings, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.listen else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((http.listen, port))
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def main() -> None:
    """Serve the cloud of a state folder."""
    parser = argparse.ArgumentParser(prog="cumulo-server")
    parser.add_argument("--state", type=Path, required=True)
    state = config_of(parser.parse_args().state)
    logs = runtime_settings(state).log
    observe.configure(style=logs.style, level=logs.level)
    uvloop.run(serve(state))


if __name__ == "__main__":
    main()
