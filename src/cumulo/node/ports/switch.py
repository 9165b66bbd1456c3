"""The ports of one Open vSwitch bridge, through the switch's own database."""

import asyncio
from collections.abc import Mapping

import structlog

from cumulo.core.drivers import Permanent, Temporary
from cumulo.ovsdb import (
    Client,
    Disconnected,
    Named,
    Operation,
    Row,
    TransactionFailed,
    Uuid,
    delete,
    insert,
    mutate,
    same,
    update,
)

TABLES = {
    "Open_vSwitch": ("next_cfg", "cur_cfg"),
    "Bridge": ("name", "ports"),
    "Port": ("name", "interfaces"),
    "Interface": ("name", "type", "external_ids", "ofport", "error"),
}
READY = 10.0  # seconds that the switch's database may take to answer
APPLIED = 5.0  # seconds that the switch itself may take to act

log = structlog.get_logger(__name__)


class Switch:
    """One bridge of the switch at `address` (`unix:PATH`)."""

    def __init__(self, address: str, bridge: str) -> None:
        self.bridge = bridge
        self._client = Client(address, "Open_vSwitch", TABLES)

    async def start(self) -> None:
        """Begin to connect."""
        await self._client.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def ensure_port(self, name: str, external_ids: Mapping[str, str]) -> None:
        """Have the device `name` as a port of the bridge, its interface with these external ids.

        Returns as soon as the database has it; the switch itself acts some milliseconds later.
        """
        bridge = await self._bridge()
        port = self._named("Port", name)
        interface = self._named("Interface", name)
        if port is not None and port.uuid not in bridge["ports"]:
            raise Permanent(f"{name} is a port of another bridge than {self.bridge}")
        if port is None or interface is None:
            await self._transact(*_inserted(bridge, name, external_ids))
        elif not external_ids.items() <= interface["external_ids"].items():
            ids = interface["external_ids"] | dict(external_ids)
            await self._transact(update("Interface", same(interface.uuid), {"external_ids": ids}))

    async def remove_port(self, name: str) -> None:
        """Take a port off the bridge; one that is gone is no error.

        Returns once the switch has let go of the device (or was too slow to say so): a device that is
        made anew under the same name would not be noticed as another one.
        """
        bridge = await self._bridge()
        port = self._named("Port", name)
        if port is not None and port.uuid in bridge["ports"]:
            await self._transact(
                mutate("Bridge", same(bridge.uuid), ("ports", "delete", {Uuid(port.uuid)})),
                delete("Port", same(port.uuid)),
                mutate("Open_vSwitch", [], ("next_cfg", "+=", 1)),
            )
            await self._applied()

    async def ports(self) -> dict[str, Mapping[str, str]]:
        """Return the bridge's ports: name → external ids of the interface."""
        bridge = await self._bridge()
        ports = self._client.rows("Port")
        interfaces = {row["name"]: row["external_ids"] for row in self._rows("Interface")}
        names = (ports[uuid]["name"] for uuid in bridge["ports"] if uuid in ports)
        return {name: interfaces.get(name, {}) for name in names}

    def _rows(self, table: str) -> list[Row]:
        return list(self._client.rows(table).values())

    def _named(self, table: str, name: str) -> Row | None:
        return next((row for row in self._rows(table) if row["name"] == name), None)

    async def _bridge(self) -> Row:
        try:
            await self._client.ready(timeout=READY)
        except Disconnected as error:
            raise Temporary(str(error)) from error
        bridge = self._named("Bridge", self.bridge)
        if bridge is None:
            raise Temporary(f"Open vSwitch has no bridge {self.bridge} yet")
        return bridge

    async def _applied(self) -> None:
        """Wait until the switch works by what the database holds now (`cur_cfg` follows `next_cfg`)."""
        [row] = self._rows("Open_vSwitch")
        goal = row["next_cfg"]
        try:
            async with asyncio.timeout(APPLIED):
                await self._client.until(
                    lambda: any(row["cur_cfg"] >= goal for row in self._rows("Open_vSwitch"))
                )
        except TimeoutError:
            log.warning("ports.switch_is_slow", bridge=self.bridge, seconds=APPLIED)

    async def _transact(self, *operations: Operation) -> None:
        try:
            await self._client.transact(*operations, timeout=READY)
        except (Disconnected, TransactionFailed) as error:
            raise Temporary(f"Open vSwitch: {error}") from error


def _inserted(bridge: Row, name: str, external_ids: Mapping[str, str]) -> tuple[Operation, ...]:
    return (
        insert("Interface", {"name": name, "external_ids": dict(external_ids)}, named="interface"),
        insert("Port", {"name": name, "interfaces": {Named("interface")}}, named="port"),
        mutate("Bridge", same(bridge.uuid), ("ports", "insert", {Named("port")})),
    )
