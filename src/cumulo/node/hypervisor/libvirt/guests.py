"""What all verbs of the libvirt driver share: guests' files, and one thing at a time with a guest."""

import asyncio
import contextlib
import uuid
import weakref
from collections.abc import AsyncIterator

from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.fences import Fences
from cumulo.node.hypervisor.libvirt.connection import Connection, EventHandler
from cumulo.node.hypervisor.libvirt.domains import Domains
from cumulo.node.settings import NodeSettings, Place


class Guests:
    """The guests of the libvirtd at `place.libvirt_uri`."""

    def __init__(self, place: Place, settings: NodeSettings, heard: EventHandler) -> None:
        self._place = place
        self._settings = settings
        self._connection = Connection(place.libvirt_uri, heard)
        self._domains = Domains(self._connection, place.domain_prefix)
        self._fences = Fences(place.fences)
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def _alone_with(self, server_id: str, fence: int) -> AsyncIterator[None]:
        """Do one thing at a time with a guest, and only for the newest holder of its lease."""
        lock = self._locks.setdefault(checked(server_id), asyncio.Lock())
        async with lock:
            self._fences.pass_through(server_id, fence)
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
