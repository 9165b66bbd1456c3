"""The driver: connections, and the way from a spec to one transaction."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

from cumulo.core.drivers import Permanent, Temporary
from cumulo.ovsdb import Client, Event, OvsdbError, Row, TransactionFailed, mutate
from cumulo.services.network.drivers.ovn import capacities, groups, mirrors, places, routers, switches
from cumulo.services.network.drivers.ovn.batches import Batches
from cumulo.services.network.drivers.ovn.rows import KEY, PARENT, Inventory, Place, Plan, Slot, Wanted
from cumulo.services.network.drivers.specs import (
    AddressGroupSpec,
    FloatingIpSpec,
    HostState,
    Kind,
    MirrorSpec,
    NetworkSpec,
    PortSpec,
    RouterSpec,
    SecurityGroupSpec,
    Spec,
    SubnetSpec,
)

_MARKED = (
    "Logical_Switch",
    "Logical_Switch_Port",
    "DHCP_Options",
    "Address_Set",
    "Port_Group",
    "ACL",
    "Logical_Router",
    "Logical_Router_Port",
    "Logical_Router_Static_Route",
    "NAT",
    "Load_Balancer",
    "QoS",
    "DNS",
    "Logical_Router_Policy",
    "Gateway_Chassis",
    "BFD",
    "Meter",
    "Meter_Band",
    "Mirror",
)
_FOLLOWED = {
    "Chassis": ["name", "hostname", "other_config"],
    "Chassis_Private": ["name", "nb_cfg_timestamp"],
}
_PATIENCE = 5.0  # seconds for the databases to answer at first use
_ZONES = "availability-zones="
_GATEWAYS = 5  # chassis that serve one router at most, as BFD between them costs
_KINDS = frozenset(Kind)
_ROWS: Mapping[type[Spec], Callable[[Any], list[Wanted]]] = {
    NetworkSpec: switches.network,
    SubnetSpec: switches.subnet,
    AddressGroupSpec: groups.address_group,
    SecurityGroupSpec: groups.security_group,
    FloatingIpSpec: routers.floating_ip,
    MirrorSpec: mirrors.mirror,
}


class OvnDriver:
    """Drives OVN by the addresses of its northbound and southbound databases."""

    def __init__(self, northbound: str, southbound: str) -> None:
        self._north = Client(northbound, "OVN_Northbound", dict.fromkeys(_MARKED))
        self._south = Client(southbound, "OVN_Southbound", _FOLLOWED)
        self._inventory = Inventory(self._north, _MARKED)
        self._batches = Batches(self._north)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closed: dict[Place, Any] | None = None
        self._changed: set[str] = set()
        self._on_ports: list[Callable[[], None]] = []
        self._on_stale: list[Callable[[], None]] = []
        self._north.watch("Logical_Switch_Port", self._port_changed)
        for table in _MARKED:
            self._north.watch(table, self._row_lost)
        self._south.watch("Chassis", self._chassis_changed)

    async def start(self) -> None:
        """Begin to connect; verbs wait a little for the databases, then raise Temporary."""
        await self._north.start()
        await self._south.start()

    async def stop(self) -> None:
        """Close the connections."""
        await self._north.close()
        await self._south.close()

    async def ensure(self, spec: Spec) -> None:
        """Make OVN's rows of this resource be what the spec says."""
        await self._ready()
        if isinstance(spec, PortSpec) and spec.port_security:
            await self._close()
        if isinstance(spec, SecurityGroupSpec) and spec.logs:
            await self._realise(places.LOG_METER.owner, groups.log_meter())
        await self._realise(places.owner(spec.kind, spec.id), self._wanted(spec))

    async def _close(self) -> None:
        """Have the group that drops what no rule allows; for each port, but in whole only if it changed."""
        if self._closed is None or self._closed != self._closing():
            changed = await self._realise(places.DROP.owner, groups.drop())
            self._closed = None if changed else self._closing()

    def _closing(self) -> dict[Place, Any]:
        """Return what is there of that group, but for its ports."""
        rows = self._inventory.of(places.DROP.owner)
        columns = ("name", "acls", "external_ids")
        return {
            place: [row[name] for name in columns] if place == places.DROP else row
            for place, row in rows.items()
        }

    async def differences(self, spec: Spec) -> list[str]:
        """Say what is not in OVN as the spec has it: what `ensure` would do, not done."""
        await self._ready()
        found = []
        if isinstance(spec, PortSpec) and spec.port_security:
            found += Plan(self._inventory, places.DROP.owner, groups.drop()).told()
        try:
            plan = Plan(self._inventory, places.owner(spec.kind, spec.id), self._wanted(spec))
        except Temporary as error:
            return [*found, str(error)]
        return [*found, *plan.told()]

    async def remove(self, kind: Kind, id: str) -> None:
        """Remove this resource's rows."""
        await self._ready()
        await self._realise(places.owner(kind, id), [])

    async def describe(self) -> set[tuple[Kind, str]]:
        """Return each resource that has a row."""
        await self._ready()
        named = (owner.partition(":") for owner in self._inventory.owners())
        return {(Kind(kind), id_) for kind, _, id_ in named if kind in _KINDS}

    async def up(self, port_ids: Collection[str] | None = None) -> dict[str, bool]:
        """Say which ports a chassis has claimed."""
        await self._ready()
        if port_ids is None:
            names = [owner for owner in self._inventory.owners() if owner.startswith("port:")]
        else:
            names = [places.owner(Kind.PORT, id_) for id_ in port_ids]
        rows = [pair for name in names for pair in self._inventory.of(name).items()]
        return {row["name"]: bool(row["up"]) for place, row in rows if place.table == "Logical_Switch_Port"}

    async def hosts(self) -> list[HostState]:
        """Return the chassis, and raise the number that each of them answers (ovn-nb(5), NB_Global)."""
        await self._ready()
        signs = {row["name"]: row["nb_cfg_timestamp"] for row in self._south.rows("Chassis_Private").values()}
        try:
            await self._north.transact(mutate("NB_Global", [], ("nb_cfg", "+=", 1)))
        except OvsdbError as error:
            raise Temporary(str(error), public="OVN does not answer.") from error
        return [_host(row, signs.get(row["name"], 0)) for row in self._south.rows("Chassis").values()]

    def take_changed(self) -> set[str]:
        """Return and forget the ports whose wiring changed."""
        changed, self._changed = self._changed, set()
        return changed

    def keep_changed(self, port_ids: Collection[str]) -> None:
        """Remember again that their wiring changed."""
        self._changed.update(port_ids)

    def follow(self, *, ports: Callable[[], None], stale: Callable[[], None]) -> None:
        """Remember whom to call."""
        self._on_ports.append(ports)
        self._on_stale.append(stale)

    async def _ready(self) -> None:
        try:
            await self._north.ready(timeout=_PATIENCE)
            await self._south.ready(timeout=_PATIENCE)
        except OvsdbError as error:
            raise Temporary(str(error), public="OVN does not answer.") from error

    def _wanted(self, spec: Spec) -> list[Wanted]:
        match spec:
            case PortSpec():
                return [*self._own_dhcp(spec), *switches.port(spec)]
            case RouterSpec():
                return routers.router(spec, self._gateways(spec))
            case _:
                return _ROWS[type(spec)](spec)

    def _own_dhcp(self, spec: PortSpec) -> list[Wanted]:
        """Return the DHCP answers that a port does not share with its subnet."""
        wanted = []
        for version, own, subnet_id in (
            (4, spec.dhcp_options_v4, spec.dhcp_subnet_v4),
            (6, spec.dhcp_options_v6, spec.dhcp_subnet_v6),
        ):
            if not own or subnet_id is None:
                continue
            row = self._inventory.find(places.dhcp(subnet_id))
            if row is None:
                raise Temporary(f"the DHCP answers of subnet {subnet_id} are not there yet", retry_in=1)
            wanted.append(switches.port_dhcp(spec, version, row))
        return wanted

    async def _realise(self, owner: str, wanted: list[Wanted]) -> bool:
        """Make a resource's rows be these; return whether anything had to be changed."""
        lock = self._locks.setdefault(owner, asyncio.Lock())
        try:
            async with lock:  # two plans at once would insert the same row twice
                operations = Plan(self._inventory, owner, wanted).operations
                if operations:
                    await self._batches.transact(operations)
                return bool(operations)
        except TransactionFailed as error:
            raise Permanent(f"{owner}: {error}", public="OVN refused the change.") from error
        except OvsdbError as error:
            raise Temporary(str(error), public="OVN does not answer.") from error

    def _gateways(self, spec: RouterSpec) -> list[str]:
        """Return the chassis for a router's gateway, in an order of its own so that load spreads.

        Those that say `enable-chassis-as-gw` in `ovn-cms-options`; all of them when none does.
        """
        rows = [row for row in self._south.rows("Chassis").values() if row["name"] not in spec.avoid]
        if spec.zones:
            rows = [row for row in rows if set(_zones(row)) & set(spec.zones)]
        chosen = [row for row in rows if _is_gateway(row)] or rows
        names = [row["name"] for row in chosen]
        ranked = sorted(names, key=lambda name: hashlib.sha256((spec.id + name).encode()).digest())
        return ranked[:_GATEWAYS]

    def _port_changed(self, event: Event) -> None:
        row = event.new or event.old
        if row is None or not row["external_ids"].get(KEY, "").startswith("port:"):
            return
        if bool(event.old and event.old["up"]) != bool(event.new and event.new["up"]):
            self._changed.add(row["name"])
            for callback in self._on_ports:
                callback()

    def _row_lost(self, event: Event) -> None:
        """Have all compared when a row of ours went that we did not take away: by hand, or all at once."""
        if event.old is None or event.new is not None:
            return
        key, parent = (event.old["external_ids"].get(name) for name in (KEY, PARENT))
        if key is None:
            return
        owners = {Place(event.table, key).owner}
        owners |= {Slot.read(parent).row.owner} if parent else set()
        locks = (self._locks.get(owner) for owner in owners)
        if not any(lock is not None and lock.locked() for lock in locks):
            for callback in self._on_stale:
                callback()

    def _chassis_changed(self, event: Event) -> None:
        """Routers choose their gateways among the chassis, so compare all when these change."""
        if event.old is None or event.new is None or _options(event.old) != _options(event.new):
            for callback in self._on_stale:
                callback()


def _host(row: Row, milliseconds: int) -> HostState:
    return HostState(
        name=row["name"],
        host=row["hostname"],
        gateway=_is_gateway(row),
        zones=tuple(_zones(row)),
        physical_networks=tuple(capacities.mapped(row)),
        capacity=capacities.of(row),
        seen_at=datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None,
    )


def _options(row: Row) -> list[str]:
    found: list[str] = row["other_config"].get("ovn-cms-options", "").split(",")
    return found


def _zones(row: Row) -> list[str]:
    """Return a chassis' zones: `availability-zones=a:b` in `ovn-cms-options`."""
    named = [option for option in _options(row) if option.startswith(_ZONES)]
    return [zone for option in named for zone in option.removeprefix(_ZONES).split(":") if zone]


def _is_gateway(row: Row) -> bool:
    return "enable-chassis-as-gw" in _options(row)
