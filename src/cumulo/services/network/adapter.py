"""The network service's face to the others."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from cumulo.contracts.metadata import MetadataNetwork
from cumulo.contracts.network import (
    CardLimit,
    Group,
    GroupRule,
    NetworkRequest,
    PortBinding,
    ServerAddress,
)
from cumulo.contracts.placement import Demand
from cumulo.core.db import Reader
from cumulo.core.errors import Invalid, NotFound
from cumulo.core.work import Work
from cumulo.services.network.domain import attachments, guests, promises, security_groups, servers, topology
from cumulo.services.network.errors import SecurityGroupRuleNotFound
from cumulo.services.network.model import (
    Port,
    PortSecurityGroup,
    SecurityGroup,
    SecurityGroupRule,
)


class PortsAdapter:
    """Fulfils `cumulo.contracts.network.Ports`, in the caller's transaction."""

    async def check(
        self,
        db: Reader,
        requests: Sequence[NetworkRequest] | None,
        *,
        project_id: str,
        is_admin: bool,
        security_groups: Sequence[str] = (),
    ) -> tuple[list[NetworkRequest], list[str]]:
        """Resolve a server's request before it is accepted."""
        wanted = await servers.check(db, requests, project_id=project_id, is_admin=is_admin)
        return wanted, await _group_ids(db, security_groups, project_id)

    async def automatic(self, work: Work, *, project_id: str) -> list[NetworkRequest]:
        """Return a project's only network; one made for it now if it has none."""
        return await servers.automatic(work.db, project_id) or await topology.requested(work, project_id)

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
        return await servers.allocate(
            work,
            server_id,
            requests,
            project_id=project_id,
            host=host,
            hostname=hostname,
            group_ids=security_group_ids,
            zone=zone,
        )

    async def release(self, work: Work, server_id: str) -> None:
        """Delete the ports made for the server, unbind those it was given."""
        await servers.release(work, server_id)

    async def attach(
        self, work: Work, server_id: str, request: NetworkRequest, *, project_id: str, host: str, zone: str
    ) -> PortBinding:
        """Create or take one more port for a server, bound to `host`."""
        return await attachments.attach(work, server_id, request, project_id=project_id, host=host, zone=zone)

    async def detach(self, work: Work, server_id: str, port_id: str) -> None:
        """Delete one of the server's ports, or let go of it."""
        await attachments.detach(work, server_id, port_id)

    async def move(self, work: Work, server_id: str, host: str) -> None:
        """Bind the server's ports to another host."""
        await attachments.move(work, server_id, host)

    async def expect(self, work: Work, server_id: str, host: str | None) -> None:
        """Have a second host ready to take the server's ports over."""
        await attachments.expect(work, server_id, host)

    async def demands(
        self, db: Reader, *, server_id: str | None = None, port_ids: Sequence[str] = ()
    ) -> list[Demand]:
        """Return what a server's ports, or these, ask of placement."""
        mine = servers.ports_of(server_id) if server_id is not None else (Port.c.id.in_(list(port_ids)),)
        found = await promises.asked(db, *mine)
        return [demand for _, wanted in sorted(found.items()) for demand in wanted]

    async def settle(self, work: Work, server_id: str) -> None:
        """Have the server's ports say which providers serve them."""
        await attachments.settle(work, server_id)

    async def limit(self, work: Work, server_id: str, limits: Mapping[str, CardLimit]) -> None:
        """Have each of the server's cards do no more than this, by direction."""
        await attachments.limit(work, server_id, limits)

    async def add_address(self, work: Work, server_id: str, network_id: str) -> None:
        """Give the server's first port on a network one more address."""
        await attachments.add_address(work, server_id, network_id)

    async def remove_address(self, work: Work, server_id: str, address: str) -> None:
        """Take a fixed address from the server's ports."""
        await attachments.remove_address(work, server_id, address)

    async def associate(
        self, work: Work, server_id: str, address: str, *, fixed_ip: str | None, project_id: str | None
    ) -> None:
        """Lead a floating address of a project (None: of any) to one of the server's fixed addresses."""
        await attachments.associate(work, server_id, address, fixed_ip=fixed_ip, project_id=project_id)

    async def disassociate(self, work: Work, server_id: str, address: str, *, project_id: str | None) -> None:
        """Lead a floating address to the server no longer; Conflict when it does not."""
        await attachments.disassociate(work, server_id, address, project_id=project_id)

    async def bindings(self, db: Reader, server_id: str) -> list[PortBinding]:
        """Return the server's ports, in the order in which it got them."""
        return await servers.bindings(db, server_id)

    async def addresses(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[ServerAddress]]:
        """Return fixed and floating addresses of many servers."""
        return await servers.addresses_of(db, server_ids)

    async def security_groups(self, db: Reader, server_ids: Sequence[str]) -> Mapping[str, list[str]]:
        """Return the names of the groups on each server's ports."""
        return await servers.groups_of(db, server_ids)

    async def change_security_group(self, work: Work, server_id: str, group: str, *, present: bool) -> None:
        """Put a group on the server's ports, or take it off."""
        await servers.change_group(work, server_id, group, present=present)

    async def server_at(self, db: Reader, network_id: str, address: str) -> str | None:
        """Return the id of the server whose port has this address on this network."""
        return await guests.server_at(db, network_id, address)

    async def network_data(self, db: Reader, server_id: str) -> dict[str, Any]:
        """Return `network_data.json` for the server."""
        return guests.network_data(await servers.bindings(db, server_id))

    async def metadata_networks(self, db: Reader, host: str) -> list[MetadataNetwork]:
        """Return the networks with a guest's port on this host, each with its localport."""
        return await guests.metadata_networks(db, host)


class SecurityGroupsAdapter:
    """Fulfils `cumulo.contracts.network.SecurityGroups`, in the caller's transaction."""

    async def groups(self, db: Reader, *, project_id: str | None) -> list[Group]:
        """Return the groups of a project."""
        own = () if project_id is None else (SecurityGroup.c.project_id == project_id,)
        return await _told(db, await db.all(SecurityGroup, *own, order_by=(SecurityGroup.c.created_at,)))

    async def groups_of_server(self, db: Reader, server_id: str) -> list[Group]:
        """Return the groups on a server's ports."""
        ports = select(Port.c.id).where(Port.c.device_id == server_id)
        theirs = select(PortSecurityGroup.c.security_group_id).where(PortSecurityGroup.c.port_id.in_(ports))
        return await _told(db, await db.all(SecurityGroup, SecurityGroup.c.id.in_(theirs)))

    async def group(self, db: Reader, group_id: str, *, project_id: str | None) -> Group:
        """Return a group."""
        return (await _told(db, [await _found(db, group_id, project_id)]))[0]

    async def create_group(self, work: Work, project_id: str, name: str, description: str) -> Group:
        """Create a group."""
        values = {"name": name, "description": description}
        group = await security_groups.create(work, project_id, values)
        return (await _told(work.db, [group]))[0]

    async def update_group(
        self, work: Work, group_id: str, *, project_id: str | None, name: str, description: str
    ) -> Group:
        """Rename a group and describe it anew."""
        group = await _found(work.db, group_id, project_id)
        await security_groups.update(work, group, {"name": name, "description": description})
        return (await _told(work.db, [group]))[0]

    async def delete_group(self, work: Work, group_id: str, *, project_id: str | None) -> None:
        """Delete a group; Conflict while a port is in it."""
        group = await _found(work.db, group_id, project_id)
        await security_groups.delete(work, group, is_admin=project_id is None)

    async def create_group_rule(self, work: Work, rule: GroupRule, *, project_id: str | None) -> GroupRule:
        """Let something in."""
        group = await _found(work.db, rule.group_id, project_id)
        if rule.remote_group_id is not None:
            await _found(work.db, rule.remote_group_id, project_id)
        values = {
            "direction": "ingress",
            "ethertype": f"IPv{rule.version}",
            "protocol": rule.protocol,
            "port_range_min": rule.port_min,
            "port_range_max": rule.port_max,
            "remote_ip_prefix": rule.cidr,
            "remote_group_id": rule.remote_group_id,
        }
        return _rule_told(await security_groups.create_rule(work, group, group.project_id, values))

    async def delete_group_rule(self, work: Work, rule_id: str, *, project_id: str | None) -> None:
        """Let it in no longer."""
        rule = await work.db.get(SecurityGroupRule, rule_id)
        if rule is None or project_id not in (None, rule.project_id):
            raise SecurityGroupRuleNotFound(id=rule_id)
        await security_groups.delete_rule(work, rule)


async def _found(db: Reader, group_id: str, project_id: str | None) -> SecurityGroup:
    return await security_groups.find(db, group_id, project_id=project_id, is_admin=project_id is None)


async def _told(db: Reader, groups: Sequence[SecurityGroup]) -> list[Group]:
    """Return groups with their rules for what comes in."""
    wanted = SecurityGroupRule.c.security_group_id.in_([group.id for group in groups])
    inward = SecurityGroupRule.c.direction == "ingress"
    rules = await db.all(SecurityGroupRule, wanted, inward, order_by=(SecurityGroupRule.c.created_at,))
    return [
        Group(
            id=group.id,
            project_id=group.project_id,
            name=group.name,
            description=group.description,
            rules=tuple(_rule_told(rule) for rule in rules if rule.security_group_id == group.id),
        )
        for group in groups
    ]


def _rule_told(rule: SecurityGroupRule) -> GroupRule:
    return GroupRule(
        id=rule.id,
        group_id=rule.security_group_id,
        protocol=rule.protocol,
        port_min=rule.port_range_min,
        port_max=rule.port_range_max,
        cidr=rule.remote_ip_prefix,
        remote_group_id=rule.remote_group_id,
        version=int(rule.ethertype[-1]),
    )


async def _group_ids(db: Reader, names: Sequence[str], project_id: str) -> list[str]:
    """Resolve groups by name or id; `default` may not exist yet and is then left to the port."""
    wanted = [name for name in names if name != security_groups.DEFAULT]
    if len(names) > len(wanted):
        try:
            return await security_groups.resolve(db, names, project_id=project_id)
        except NotFound:
            if not wanted:
                return []
    try:
        return await security_groups.resolve(db, wanted, project_id=project_id)
    except NotFound as error:
        raise Invalid(error.message) from error
