"""A server's network cards on the host: taps on the integration bridge, known to OVN by their ids."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from cumulo.contracts.hypervisor import NicSpec
from cumulo.core.drivers import Unsupported
from cumulo.node.ports import taps
from cumulo.node.ports.switch import Switch

log = structlog.get_logger(__name__)

OWNER = "vm-uuid"  # the external id of Open vSwitch's convention that names a port's server


class Wiring(Protocol):
    """What a hypervisor driver needs of the network on its host."""

    async def wire(self, server_id: str, nics: Sequence[NicSpec]) -> None:
        """Have exactly these cards' taps and ports for the server."""

    async def add(self, server_id: str, nic: NicSpec) -> None:
        """Have one more card's tap and port for the server."""

    async def plug(self, server_id: str, nic: NicSpec) -> None:
        """Have a port for a card whose device is there already, as a container's is."""

    async def discard(self, server_id: str, nic: NicSpec) -> None:
        """Remove one card's tap and port, if they are the server's."""

    async def unwire(self, server_id: str) -> None:
        """Remove every tap and port of the server."""

    async def unwire_strangers(self, is_known: Callable[[str], bool]) -> list[str]:
        """Remove what belongs to servers that are not known; return the names of what was removed.

        `is_known` is asked right before each removal: a server may come while we look.
        """


class SwitchWiring:
    """Taps as ports of one Open vSwitch bridge, of the cloud `instance`."""

    def __init__(self, switch: Switch, instance: str) -> None:
        self._switch = switch
        self._prefix = f"cumulo:{instance}:"

    async def wire(self, server_id: str, nics: Sequence[NicSpec]) -> None:
        """Have exactly these cards' taps and ports for the server."""
        for nic in nics:
            await self.add(server_id, nic)
        await self._remove(server_id, keep={nic.tap for nic in nics})

    async def add(self, server_id: str, nic: NicSpec) -> None:
        """Have one more card's tap and port for the server."""
        if not taps.exists(nic.tap):
            await self._switch.remove_port(nic.tap)  # of an earlier device of this name
        await asyncio.to_thread(taps.ensure, nic.tap, mtu=nic.mtu, owner=self._prefix + server_id)
        await self._switch.ensure_port(nic.tap, _external_ids(server_id, nic))

    async def plug(self, server_id: str, nic: NicSpec) -> None:
        """Have a port for a card whose device is there already, as a container's is."""
        await self._switch.ensure_port(nic.tap, _external_ids(server_id, nic))

    async def discard(self, server_id: str, nic: NicSpec) -> None:
        """Remove one card's tap and port, if they are the server's."""
        if taps.alias(nic.tap) in ("", self._prefix + server_id):
            await self._discard(nic.tap)

    async def unwire(self, server_id: str) -> None:
        """Remove every tap and port of the server."""
        await self._remove(server_id, keep=frozenset())

    async def unwire_strangers(self, is_known: Callable[[str], bool]) -> list[str]:
        """Remove what belongs to servers that are not known; return the names of what was removed.

        `is_known` is asked right before each removal: a server may come while we look.
        """
        ports = await self._switch.ports()
        owners = {name: ids[OWNER] for name, ids in ports.items() if OWNER in ids}
        for name, alias in taps.owned(self._prefix).items():
            owners[name] = alias.removeprefix(self._prefix)
        removed = []
        for name, owner in sorted(owners.items()):
            if not is_known(owner):
                log.warning("ports.orphan_removed", device=name, server=owner)
                await self._discard(name)
                removed.append(name)
        return removed

    async def _remove(self, server_id: str, keep: Collection[str]) -> None:
        ports = await self._switch.ports()
        mine = {name for name, ids in ports.items() if ids.get(OWNER) == server_id}
        mine |= taps.owned(self._prefix + server_id).keys()
        for name in sorted(mine - set(keep)):
            await self._discard(name)

    async def _discard(self, name: str) -> None:
        """Take the port off before its device, so that the switch never sees one vanish."""
        await self._switch.remove_port(name)
        await taps.remove(name)


def _external_ids(server_id: str, nic: NicSpec) -> dict[str, str]:
    return {
        "iface-id": nic.port_id,
        "attached-mac": nic.mac,
        "iface-status": "active",
        OWNER: server_id,
    }


class NoWiring:
    """For a host without a network: guests with cards are refused."""

    async def wire(self, server_id: str, nics: Sequence[NicSpec]) -> None:
        """Refuse any card."""
        if nics:
            raise Unsupported(f"this host has no network for the ports of server {server_id}")

    async def add(self, server_id: str, nic: NicSpec) -> None:
        """Refuse it."""
        await self.wire(server_id, [nic])

    async def plug(self, server_id: str, nic: NicSpec) -> None:
        """Refuse it."""
        await self.wire(server_id, [nic])

    async def discard(self, server_id: str, nic: NicSpec) -> None:
        """Do nothing."""

    async def unwire(self, server_id: str) -> None:
        """Do nothing."""

    async def unwire_strangers(self, is_known: Callable[[str], bool]) -> list[str]:  # noqa: ARG002  the Protocol's argument
        """Find nothing."""
        return []
