"""What compute asks of the network service."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.contracts.placement import Demand
from cumulo.core.db import Reader
from cumulo.core.work import Work


class NetworkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a server's `networks`."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class FixedIp(msgspec.Struct, frozen=True, kw_only=True):
    """An address of a port with what its guest must know of the subnet."""

    subnet_id: str
    address: str
    version: int
    cidr: str
    gateway: str | None
    dns: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()  # destination, next hop


class PortBinding(msgspec.Struct, frozen=True, kw_only=True):
    """A port given to a server."""

    port_id: str
    network_id: str
    network_name: str
    mac: str
    mtu: int
    fixed_ips: tuple[FixedIp, ...]
    created: bool  # made for this server, so it goes with it
    tag: str | None = None
    active: bool = False  # wired on its host


class CardLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What a card may do in one direction: a rate in kbit/s, and a burst in kbit (None: as the rate asks)."""

    rate: int
    burst: int | None = None


class ServerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a server's `addresses`."""

    network_name: str
    address: str
    version: int
    mac: str
    kind: str  # fixed, floating
    port_id: str


class Ports(Protocol):
    """Ports for servers, in the caller's own transaction."""

    async def check(
        self,
        db: Reader,
        requests: Sequence[NetworkRequest] | None,
        *,
        project_id: str,
        is_admin: bool,
        security_groups: Sequence[str] = (),
    ) -> tuple[list[NetworkRequest], list[str]]:
        """Resolve a server's request before it is accepted; return (networks, security group ids).

        None means automatic: the project's only network; none at all gives []; several are a Conflict.
        Unknown networks, ports in use, addresses outside a subnet and unknown groups (by name or id) are
        Invalid or Conflict, with the value named.
        """

    async def automatic(self, work: Work, *, project_id: str) -> list[NetworkRequest]:
        """Return a project's only network; if it has none, one made for it now. Invalid if none can be."""

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
        """Create or take the ports, bound to `host`; a second call returns the same ones."""

    async def release(self, work: Work, server_id: str) -> None:
        """Delete the ports made for the server, unbind those it was given."""

    async def attach(
        self, work: Work, server_id: str, request: NetworkRequest, *, project_id: str, host: str, zone: str
    ) -> PortBinding:
        """Create or take one more port for a server, bound to `host`. It was checked by `check`."""

    async def detach(self, work: Work, server_id: str, port_id: str) -> None:
        """Delete one of the server's ports, or let go of it; NotFound when it is none of them."""

    async def move(self, work: Work, server_id: str, host: str) -> None:
        """Bind the server's ports to another host, and nowhere else."""

    async def expect(self, work: Work, server_id: str, host: str | None) -> None:
        """Have a second host (None: no longer) ready to take the server's ports over.

        What the server is sent goes to both, until it speaks from the second: from then on, only there.
        """

    async def demands(
        self, db: Reader, *, server_id: str | None = None, port_ids: Sequence[str] = ()
    ) -> list[Demand]:
        """Return what a server's ports, or these, ask of placement by their QoS policies."""

    async def settle(self, work: Work, server_id: str) -> None:
        """Have the server's ports say which providers serve them, by the claim that it has in placement now.

        To be called once a claim for its ports was made, exchanged or given back.
        """

    async def limit(self, work: Work, server_id: str, limits: Mapping[str, CardLimit]) -> None:
        """Have each of the server's cards do no more than this, by direction: ingress (to it), egress.

        A QoS policy that allows less stands; a direction that is not named is not limited by this.
        """

    async def add_address(self, work: Work, server_id: str, network_id: str) -> None:
        """Give the server's first port on a network one more address; NotFound without such a port."""

    async def remove_address(self, work: Work, server_id: str, address: str) -> None:
        """Take a fixed address from the server's ports; NotFound when none has it."""

    async def associate(
        self, work: Work, server_id: str, address: str, *, fixed_ip: str | None, project_id: str | None
    ) -> None:
        """Lead a floating address of a project (None: of any) to one of the server's fixed addresses."""

    async def disassociate(self, work: Work, server_id: str, address: str, *, project_id: str | None) -> None:
        """Lead a floating address to the server no longer; Conflict when it does not."""

    async def bindings(self, db: Reader, server_id: str) -> list[PortBinding]:
        """Return the server's ports, in the order in which it got them."""

    async def addresses(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[ServerAddress]]:
        """Return fixed and floating addresses of many servers with a fixed number of queries."""

    async def security_groups(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return the names of the groups on each server's ports."""

    async def change_security_group(self, work: Work, server_id: str, group: str, *, present: bool) -> None:
        """Put a group (by name or id, of the server's project) on the server's ports, or take it off.

        NotFound for an unknown group, and for one to take off that none of the ports has.
        """

    async def server_at(self, db: Reader, network_id: str, address: str) -> str | None:
        """Return the id of the server whose port has this fixed address on this network."""

    async def network_data(self, db: Reader, server_id: str) -> dict[str, Any]:
        """Return OpenStack's `network_data.json` for the server (links, networks, services)."""

    async def metadata_networks(self, db: Reader, host: str) -> list[MetadataNetwork]:
        """Return the networks with a port bound to this host, each with its OVN localport."""


class GroupRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a security group lets in. `cidr` or `remote_group_id` says from where; neither: anywhere."""

    id: str = ""
    group_id: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    cidr: str | None = None
    remote_group_id: str | None = None
    version: int = 4


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A security group with the rules for what comes in."""

    id: str
    project_id: str
    name: str
    description: str
    rules: tuple[GroupRule, ...] = ()


class SecurityGroups(Protocol):
    """Security groups, as compute's API showed them until 2.35.

    Outside of `project_id` all is NotFound; None is the administrator, to whom all is shown.
    """

    async def groups(self, db: Reader, *, project_id: str | None) -> list[Group]:
        """Return the groups of a project."""

    async def groups_of_server(self, db: Reader, server_id: str) -> list[Group]:
        """Return the groups on a server's ports."""

    async def group(self, db: Reader, group_id: str, *, project_id: str | None) -> Group:
        """Return a group."""

    async def create_group(self, work: Work, project_id: str, name: str, description: str) -> Group:
        """Create a group."""

    async def update_group(
        self, work: Work, group_id: str, *, project_id: str | None, name: str, description: str
    ) -> Group:
        """Rename a group and describe it anew."""

    async def delete_group(self, work: Work, group_id: str, *, project_id: str | None) -> None:
        """Delete a group; Conflict while a port is in it."""

    async def create_group_rule(self, work: Work, rule: GroupRule, *, project_id: str | None) -> GroupRule:
        """Let something in."""

    async def delete_group_rule(self, work: Work, rule_id: str, *, project_id: str | None) -> None:
        """Let it in no longer."""


class ShownNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """What compute's API showed of a network."""

    id: str
    name: str


class ShownFloatingIp(msgspec.Struct, frozen=True, kw_only=True):
    """A floating IP as compute's API showed it. `pool` is its network's name; the rest what it leads to."""

    id: str
    address: str
    pool: str
    fixed_address: str | None = None
    server_id: str | None = None


class FormerNetworkCalls(Protocol):
    """Networks and floating IPs, as compute's API offered them until 2.35.

    Outside of `project_id` all is NotFound; None is the administrator, to whom all is shown.
    """

    async def networks(self, db: Reader, *, project_id: str | None) -> list[ShownNetwork]:
        """Return the networks that a project sees."""

    async def network(self, db: Reader, network_id: str, *, project_id: str | None) -> ShownNetwork:
        """Return one of them."""

    async def pools(self, db: Reader, *, project_id: str | None) -> list[ShownNetwork]:
        """Return the external networks, of which a project may take floating IPs."""

    async def floating_ips(self, db: Reader, *, project_id: str | None) -> list[ShownFloatingIp]:
        """Return a project's floating IPs."""

    async def floating_ip(self, db: Reader, id: str, *, project_id: str | None) -> ShownFloatingIp:
        """Return one of them."""

    async def create_floating_ip(
        self, work: Work, *, project_id: str, is_admin: bool, pool: str | None
    ) -> ShownFloatingIp:
        """Take an address of a pool, by name or id (None: the default one), within the project's quota.

        NotFound for an unknown pool, and for one that has no address left.
        """

    async def delete_floating_ip(self, work: Work, id: str, *, project_id: str | None) -> None:
        """Give an address back."""
