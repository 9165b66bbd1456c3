"""Fakes of the network service's ports and of placement, in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.contracts.network import (
    CardLimit,
    FixedIp,
    Group,
    MetadataNetwork,
    NetworkRequest,
    PortBinding,
    ServerAddress,
)
from cumulo.contracts.placement import Candidate, Demand, Inventory, Refusal
from cumulo.core import ids
from cumulo.core.db import Reader
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.work import Work

NETWORK = "22222222-2222-4222-8222-222222222222"
UNITS = {"VCPU": "vCPUs", "MEMORY_MB": "MiB of memory", "DISK_GB": "GiB of disk"}


class FakePorts:
    """One network; ports in memory, by server."""

    def __init__(self) -> None:
        self.ports: dict[str, list[PortBinding]] = {}
        self.floating: dict[str, str] = {}  # server → floating address
        self.groups: dict[str, list[str]] = {}
        self.expected: dict[str, str] = {}
        self.limits: dict[str, dict[str, CardLimit]] = {}  # server id → what its cards may do
        self.hosts: dict[str, str] = {}
        self.taken = 0

    async def check(
        self,
        db: Reader,
        requests: Sequence[NetworkRequest] | None,
        *,
        project_id: str,
        is_admin: bool,
        security_groups: Sequence[str] = (),
    ) -> tuple[list[NetworkRequest], list[str]]:
        """Take the one network for what is not said; refuse every other."""
        asked = [NetworkRequest(network_id=NETWORK)] if requests is None else list(requests)
        for request in asked:
            if request.network_id not in (None, NETWORK):
                raise Invalid(f"Network {request.network_id} could not be found.")
        return asked, list(security_groups)

    async def automatic(self, work: Work, *, project_id: str) -> list[NetworkRequest]:
        """Take the one network."""
        return [NetworkRequest(network_id=NETWORK)]

    async def allocate(
        self,
        work: Work,
        server_id: str,
        requests: Sequence[NetworkRequest],
        *,
        project_id: str,
        host: str,
        hostname: str,
        security_group_ids: Sequence[str],
        zone: str,
    ) -> list[PortBinding]:
        """Make a port for each request, once."""
        if server_id not in self.ports:
            self.ports[server_id] = [self._port(request) for request in requests]
            self.groups[server_id] = list(security_group_ids) or ["default"]
        return self.ports[server_id]

    def _port(self, request: NetworkRequest) -> PortBinding:
        self.taken += 1
        address = FixedIp(
            subnet_id="s",
            address=request.fixed_ip or f"10.0.{self.taken // 250}.{self.taken % 250 + 2}",
            version=4,
            cidr="10.0.0.0/16",
            gateway="10.0.0.1",
        )
        return PortBinding(
            port_id=request.port_id or ids.dashed(),
            network_id=NETWORK,
            network_name="home",
            mac=f"fa:16:3e:00:{self.taken // 256:02x}:{self.taken % 256:02x}",
            mtu=1442,
            fixed_ips=(address,),
            created=request.port_id is None,
            tag=request.tag,
            active=True,
        )

    async def attach(
        self, work: Work, server_id: str, request: NetworkRequest, *, project_id: str, host: str, zone: str
    ) -> PortBinding:
        """Make one more port."""
        port = self._port(request)
        self.ports.setdefault(server_id, []).append(port)
        return port

    async def detach(self, work: Work, server_id: str, port_id: str) -> None:
        """Forget one."""
        held = self.ports.get(server_id, [])
        if port_id not in {port.port_id for port in held}:
            raise NotFound(f"Port {port_id} could not be found.")
        self.ports[server_id] = [port for port in held if port.port_id != port_id]

    async def move(self, work: Work, server_id: str, host: str) -> None:
        """Remember where the server's ports are."""
        self.hosts[server_id] = host
        self.expected.pop(server_id, None)

    async def demands(
        self, db: Reader, *, server_id: str | None = None, port_ids: Sequence[str] = ()
    ) -> list[Demand]:
        """Return what ports ask for: nothing."""
        return []

    async def settle(self, work: Work, server_id: str) -> None:
        """Have nothing to settle."""

    async def limit(self, work: Work, server_id: str, limits: Mapping[str, CardLimit]) -> None:
        """Remember what its cards may do."""
        self.limits[server_id] = dict(limits)

    async def expect(self, work: Work, server_id: str, host: str | None) -> None:
        """Remember where else they are to be."""
        self.expected.pop(server_id, None)
        if host is not None:
            self.expected[server_id] = host

    async def add_address(self, work: Work, server_id: str, network_id: str) -> None:
        """Make one more port, which shows as one more address."""
        if network_id != NETWORK:
            raise NotFound(f"Server {server_id} has no port on network {network_id}.")
        self.ports[server_id].append(self._port(NetworkRequest(network_id=network_id)))

    async def remove_address(self, work: Work, server_id: str, address: str) -> None:
        """Forget the port with it."""
        held = self.ports[server_id]
        kept = [port for port in held if port.fixed_ips[0].address != address]
        if len(kept) == len(held):
            raise NotFound(f"Fixed address {address} is not one of server {server_id}.")
        self.ports[server_id] = kept

    async def associate(
        self, work: Work, server_id: str, address: str, *, fixed_ip: str | None, project_id: str | None
    ) -> None:
        """Show the address on the server."""
        self.floating[server_id] = address

    async def disassociate(self, work: Work, server_id: str, address: str, *, project_id: str | None) -> None:
        """Show it no longer."""
        if self.floating.pop(server_id, None) != address:
            raise Conflict(f"Floating IP {address} is not associated with server {server_id}.")

    async def release(self, work: Work, server_id: str) -> None:
        """Forget a server's ports."""
        self.ports.pop(server_id, None)
        self.groups.pop(server_id, None)

    async def bindings(self, db: Reader, server_id: str) -> list[PortBinding]:
        """Return a server's ports."""
        return self.ports.get(server_id, [])

    async def addresses(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[ServerAddress]]:
        """Return fixed and floating addresses."""
        return {server_id: self._addresses(server_id) for server_id in server_ids}

    def _addresses(self, server_id: str) -> list[ServerAddress]:
        lines = []
        for port in self.ports.get(server_id, []):
            facts = {"network_name": port.network_name, "version": 4, "mac": port.mac}
            fixed = port.fixed_ips[0].address
            lines.append(ServerAddress(address=fixed, kind="fixed", port_id=port.port_id, **facts))
            if server_id in self.floating:
                outer = self.floating[server_id]
                lines.append(ServerAddress(address=outer, kind="floating", port_id=port.port_id, **facts))
        return lines

    async def security_groups(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return group names."""
        return {server_id: self.groups.get(server_id, []) for server_id in server_ids}

    async def change_security_group(self, work: Work, server_id: str, group: str, *, present: bool) -> None:
        """Add or remove a group's name."""
        groups = self.groups.setdefault(server_id, [])
        if present:
            groups.append(group)
        elif group in groups:
            groups.remove(group)
        else:
            raise NotFound(f"Security group {group} not found.")

    async def groups_of_server(self, db: Reader, server_id: str) -> list[Group]:
        """Return a server's groups, without rules."""
        names = self.groups.get(server_id, [])
        return [Group(id=name, project_id="p1", name=name, description="") for name in names]

    async def server_at(self, db: Reader, network_id: str, address: str) -> str | None:
        """Find a server by a fixed address."""
        for server_id, ports in self.ports.items():
            if any(port.fixed_ips[0].address == address for port in ports):
                return server_id
        return None

    async def network_data(self, db: Reader, server_id: str) -> dict[str, Any]:
        """Return no links."""
        return {"links": [], "networks": [], "services": []}

    async def metadata_networks(self, db: Reader, host: str) -> list[MetadataNetwork]:
        """Return none."""
        return []


class FakePlacement:
    """Providers and claims in memory."""

    def __init__(self) -> None:
        self.providers: dict[str, tuple[str, dict[str, Inventory]]] = {}
        self.claims: dict[str, tuple[str, dict[str, int]]] = {}

    async def ensure_provider(
        self,
        work: Work,
        provider_id: str,
        name: str,
        inventories: Mapping[str, Inventory],
        traits: frozenset[str] = frozenset(),
    ) -> None:
        """Make the provider be so."""
        self.providers[provider_id] = (name, dict(inventories))

    async def remove_provider(self, work: Work, provider_id: str) -> None:
        """Forget a provider."""
        self.providers.pop(provider_id, None)

    async def candidates(
        self,
        db: Reader,
        resources: Mapping[str, int],
        required: frozenset[str] = frozenset(),
        forbidden: frozenset[str] = frozenset(),
        demands: Sequence[Demand] = (),
    ) -> tuple[list[Candidate], list[Refusal]]:
        """Return providers with room, and why the others have none."""
        found, refused = [], []
        for provider_id, (name, inventories) in self.providers.items():
            capacity = {k: int(i.total * i.allocation_ratio) - i.reserved for k, i in inventories.items()}
            free = {k: n - self._used(provider_id, k) for k, n in capacity.items()}
            lacking = [k for k, n in resources.items() if free.get(k, 0) < n]
            if lacking:
                clauses = [f"{resources[k] - free.get(k, 0)} {UNITS.get(k, k)}" for k in lacking]
                refused.append(Refusal(name=name, reason=f"lacks {' and '.join(clauses)}"))
            else:
                found.append(Candidate(provider_id=provider_id, name=name, free=free, capacity=capacity))
        return found, refused

    def _used(self, provider_id: str, resource: str) -> int:
        return sum(c.get(resource, 0) for p, c in self.claims.values() if p == provider_id)

    async def claim(
        self,
        work: Work,
        consumer_id: str,
        provider_id: str,
        resources: Mapping[str, int],
        *,
        project_id: str,
        user_id: str,
        demands: Sequence[Demand] = (),
    ) -> None:
        """Allocate."""
        if provider_id not in self.providers:
            raise Conflict("no such provider")
        self.claims[consumer_id] = (provider_id, dict(resources))

    async def transfer(self, work: Work, consumer_id: str, other_id: str) -> None:
        """Give what one has to another."""
        if consumer_id in self.claims:
            self.claims[other_id] = self.claims.pop(consumer_id)

    async def release(self, work: Work, consumer_id: str) -> None:
        """Give all back."""
        self.claims.pop(consumer_id, None)
