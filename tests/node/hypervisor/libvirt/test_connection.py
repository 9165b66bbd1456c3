"""One connection to libvirt, here to its driver of made-up machines, which needs no daemon."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import libvirt
import pytest

from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.libvirt.connection import Connection

MANY = 40  # more than asyncio has threads of its own


@pytest.fixture
async def connection(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connection]:
    """A connection that nobody listens to: that driver has no keepalive, and nothing to tell."""
    monkeypatch.setattr(Connection, "_open", lambda _: libvirt.open("test:///default"))
    connection = Connection("test:///default", lambda _kind, _name: None)
    connection.start()
    yield connection
    await connection.stop()


async def test_what_lasts_long_keeps_nothing_else_waiting(connection: Connection) -> None:
    """Such as many migrations at a time, while each other thread's work goes on."""
    end, begun = threading.Event(), threading.Semaphore(0)

    def last(_connection: Any) -> str:
        begun.release()
        end.wait(60)
        return "done"

    long = [asyncio.create_task(connection.run_apart(last)) for _ in range(MANY)]
    try:
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: all(begun.acquire(timeout=20) for _ in range(MANY)))
            assert await connection.run(lambda found: found.getType()) == "TEST"
    finally:
        end.set()
    assert set(await asyncio.gather(*long)) == {"done"}


async def test_what_libvirt_refuses_there_is_told_in_our_words(connection: Connection) -> None:
    """As from the pool."""
    with pytest.raises(Permanent, match="Domain not found"):
        await connection.run_apart(lambda found: found.lookupByName("nobody"))


async def test_who_waited_for_it_may_give_up(connection: Connection) -> None:
    """It goes on, and its end is told to nobody."""
    end, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def last(_connection: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        end.wait(60)

    waiting = asyncio.create_task(connection.run_apart(last))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    end.set()
    assert await connection.run(lambda found: found.getType()) == "TEST"
