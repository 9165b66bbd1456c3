"""What both libvirt drivers share: guests' files, their news, and one thing at a time with a guest."""

import asyncio
import contextlib
import functools
import uuid
import weakref
from collections.abc import AsyncIterator

from cumulo.contracts.hypervisor import GuestState
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.driver import Listener
from cumulo.node.hypervisor.fences import Fences
from cumulo.node.hypervisor.libvirt.audience import Audience
from cumulo.node.hypervisor.libvirt.connection import Connection
from cumulo.node.hypervisor.libvirt.domains import Domains
from cumulo.node.settings import NodeSettings, Place


class Guests:
    """The guests of the libvirtd at `place.libvirt_uri`, on the host of this name."""

    def __init__(self, name: str, place: Place, settings: NodeSettings) -> None:
        self._host = name
        self._place = place
        self._settings = settings
        self._audience = Audience(name)
        self._connection = Connection(place.libvirt_uri, self._heard)
        self._domains = Domains(self._connection, place.domain_prefix)
        self._fences = Fences(place.fences)
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def stop(self) -> None:
        """Disconnect; guests keep running."""
        await self._audience.stop()
        await self._connection.stop()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` awaited for each change of a guest's power state."""
        self._audience.subscribe(listener)

    async def guests(self) -> list[GuestState]:
        """Say of every guest of this cloud on the host what it is doing."""
        return await self._domains.all()

    async def describe(self, server_id: str) -> GuestState:
        """Say what the guest is doing; `MISSING` when the host does not know it."""
        return await self._domains.state(server_id)

    async def pause(self, server_id: str) -> GuestState:
        """Freeze the guest in memory."""
        await self._domains.pause(server_id)
        return await self._domains.state(server_id)

    async def unpause(self, server_id: str) -> GuestState:
        """Let a frozen guest go on."""
        await self._domains.unpause(server_id)
        return await self._domains.state(server_id)

    def _heard(self, kind: str, name: str) -> None:
        """Pass on what libvirt says: to those who wait for this guest, and to listeners.

        A lost connection is opened again at once; whatever happened meanwhile is told by the guests'
        states then.
        """
        server_id = self._domains.server_of(name)
        if server_id is not None:
            self._domains.notice(kind, server_id)
        if kind == "lifecycle" and server_id is not None:
            self._audience.tell(functools.partial(self._now, server_id))
        elif kind == "connected":
            self._audience.tell(self._domains.all)
        elif kind == "lost":
            self._audience.tell(self._connected_again)

    async def _now(self, server_id: str) -> list[GuestState]:
        return [await self._domains.state(server_id)]

    async def _connected_again(self) -> list[GuestState]:
        """Say nothing: to ask is to connect, and that tells of all."""
        await self._domains.all()
        return []

    @contextlib.asynccontextmanager
    async def _alone_with(self, server_id: str, fence: int) -> AsyncIterator[None]:
        """Do one thing at a time with a guest, and only for the newest holder of its lease."""
        lock = self._locks.setdefault(checked(server_id), asyncio.Lock())
        async with lock, self._fences.passing(server_id, fence):
            yield


def checked(server_id: str) -> str:
    """Refuse what is no UUID: ids become names of folders and domains."""
    try:
        canonical = str(uuid.UUID(server_id))
    except ValueError:
        canonical = ""
    if canonical != server_id:
        raise Permanent(f"{server_id!r} is no server id")
    return server_id
