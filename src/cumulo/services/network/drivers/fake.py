"""A data plane of dictionaries: for tests of the service and for scale."""

from collections.abc import Callable, Collection

from cumulo.core.drivers import Temporary
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


class FakeDriver:
    """Keeps the last spec of each resource. A port is wired as soon as it has a host.

    `broken` makes every verb fail with Temporary, as an engine that does not answer.
    """

    def __init__(self) -> None:
        self.specs: dict[tuple[Kind, str], Spec] = {}
        self.broken = False
        self.calls = 0
        self.known_hosts: list[HostState] = []
        self._changed: set[str] = set()
        self._ports: list[Callable[[], None]] = []
        self._stale: list[Callable[[], None]] = []

    async def ensure(self, spec: Spec) -> None:
        """Remember the spec; Temporary when what it stands on is missing."""
        self._answer()
        for kind, id_ in _stands_on(spec):
            if (kind, id_) not in self.specs:
                raise Temporary(f"{spec.kind} {spec.id} needs {kind} {id_}, which is not there yet")
        before = self.specs.get((spec.kind, spec.id))
        self.specs[spec.kind, spec.id] = spec
        was = isinstance(before, PortSpec) and bool(before.host)
        if isinstance(spec, PortSpec) and was != bool(spec.host):
            self._changed.add(spec.id)
            for callback in self._ports:
                callback()

    async def remove(self, kind: Kind, id: str) -> None:
        """Forget the resource, and with a network its ports."""
        self._answer()
        self.specs.pop((kind, id), None)
        if kind == Kind.NETWORK:
            for key, spec in list(self.specs.items()):
                if isinstance(spec, PortSpec) and spec.network_id == id:
                    del self.specs[key]

    async def differences(self, spec: Spec) -> list[str]:
        """Say which fields of a spec are not as remembered."""
        self._answer()
        held = self.specs.get((spec.kind, spec.id))
        if held is None:
            return [f"{spec.kind} {spec.id} is missing"]
        names = (name for name in spec.__struct_fields__ if getattr(spec, name) != getattr(held, name))
        return [f"{spec.kind} {spec.id} has another {name}" for name in names]

    async def describe(self) -> set[tuple[Kind, str]]:
        """Return the keys of all resources."""
        self._answer()
        return set(self.specs)

    async def up(self, port_ids: Collection[str] | None = None) -> dict[str, bool]:
        """Say which ports have a host."""
        self._answer()
        ports = (spec for spec in self.specs.values() if isinstance(spec, PortSpec))
        return {spec.id: bool(spec.host) for spec in ports if port_ids is None or spec.id in port_ids}

    async def hosts(self) -> list[HostState]:
        """Return the hosts that a test put into `known_hosts`."""
        self._answer()
        return list(self.known_hosts)

    def take_changed(self) -> set[str]:
        """Return and forget the ports whose wiring changed."""
        changed, self._changed = self._changed, set()
        return changed

    def keep_changed(self, port_ids: Collection[str]) -> None:
        """Remember again that their wiring changed."""
        self._changed.update(port_ids)

    def follow(self, *, ports: Callable[[], None], stale: Callable[[], None]) -> None:
        """Remember whom to call."""
        self._ports.append(ports)
        self._stale.append(stale)

    def forget_all(self) -> None:
        """Lose everything, as an engine whose database was made anew."""
        self.specs.clear()
        for callback in self._stale:
            callback()

    def _answer(self) -> None:
        self.calls += 1
        if self.broken:
            raise Temporary("the fake data plane was told to be broken")


def _stands_on(spec: Spec) -> list[tuple[Kind, str]]:
    """Return the resources that must be there before this one."""
    needed: list[tuple[Kind, str]] = []
    match spec:
        case SecurityGroupSpec():
            named = {rule.remote_addresses for rule in spec.rules} - {None}
            needed = [(Kind.ADDRESS_GROUP, str(id_)) for id_ in named]
        case SubnetSpec():
            needed = [(Kind.NETWORK, spec.network_id)]
        case PortSpec():
            groups = [(Kind.SECURITY_GROUP, group) for group in spec.security_groups]
            needed = [(Kind.NETWORK, spec.network_id), *groups]
        case RouterSpec():
            ways = [*([spec.gateway] if spec.gateway else []), *spec.further_gateways]
            gateway = [way.interface for way in ways]
            needed = [(Kind.NETWORK, port.network_id) for port in (*spec.interfaces, *gateway)]
        case FloatingIpSpec():
            needed = [(Kind.ROUTER, spec.router_id)]
        case MirrorSpec():
            needed = [(Kind.PORT, spec.port_id)]
        case NetworkSpec() | AddressGroupSpec():
            pass
    return needed
