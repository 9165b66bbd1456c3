"""`python -m cumulo.runtime.hosts.process --state DIR`: the node of a further host, which dials its cloud."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import structlog
import uvloop

from cumulo.core.config import load
from cumulo.node.settings import NodeSettings
from cumulo.runtime import telling
from cumulo.runtime.hosts.folder import membership, socket_of
from cumulo.runtime.local import local_node
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.wire import Spoke

log = structlog.get_logger(__name__)


async def serve(state: StateFolder, cloud: StateFolder) -> None:
    """Serve the host's verbs until SIGTERM or SIGINT. Its guests go on."""
    sections: dict[type, Any] = dict(load(cloud.config, [NodeSettings], whole=False))
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    bus = Spoke(socket_of(cloud))
    await bus.start()
    node = local_node(state, sections[NodeSettings], bus)
    await node.start()
    mark = state.run / "node.ready"
    mark.touch()
    log.info("node.ready", host=state.host)
    try:
        await over.wait()
    finally:
        mark.unlink(missing_ok=True)
        await node.stop()
        await bus.stop()


def main() -> None:
    """Be the node of a host's folder."""
    parser = argparse.ArgumentParser(prog="cumulo-node")
    parser.add_argument("--state", type=Path, required=True)
    state = StateFolder(parser.parse_args().state)
    member = membership(state)
    if member is None:
        sys.exit(f"cumulo: {state.path} is no further host of a cloud")
    telling.configure(runtime_settings(member.cloud).log)
    uvloop.run(serve(state, member.cloud))


if __name__ == "__main__":
    main()
