"""Ports."""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET
from sqlalchemy import select

from cumulo.core.auth import Rule
from cumulo.core.http import Ctx
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import asked, check_policy, columns, on_own_networks, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import dhcp_options, networks, security_groups
from cumulo.services.network.domain import ports as domain
from cumulo.services.network.errors import InvalidInput, PortNotFound
from cumulo.services.network.model import FixedIp, Network, Port, PortSecurityGroup
from cumulo.services.network.schema.bodies import PortCreate, PortUpdate
from cumulo.services.network.schema.views import PortView

APART = ("network_id", "fixed_ips", "security_groups", "extra_dhcp_opts")

ports = StandardResource(
    "port",
    "/ports",
    model=Port,
    view=PortView,
    scope=on_own_networks,
    missing=PortNotFound,
    quota={"port": 1},
)
ports.list(policy=policy.GET_PORT)
ports.show(policy=policy.GET_PORT)


@ports.filter("fixed_ips")
def by_address(ctx: Ctx, value: str) -> Any:
    """Find ports by `ip_address=…`, `ip_address_substr=…` or `subnet_id=…`."""
    del ctx
    name, _, wanted = value.partition("=")
    held = {
        "ip_address": FixedIp.c.address == wanted,
        "ip_address_substr": FixedIp.c.address.contains(wanted, autoescape=True),
        "subnet_id": FixedIp.c.subnet_id == wanted,
    }
    if name not in held:
        raise InvalidInput(reason=f"'{name}' is nothing that fixed_ips can be found by")
    return Port.c.id.in_(select(FixedIp.c.port_id).where(held[name]))


@ports.filter("security_groups")
def by_group(ctx: Ctx, value: str) -> Any:
    """Find ports by a security group's id."""
    del ctx
    members = select(PortSecurityGroup.c.port_id).where(PortSecurityGroup.c.security_group_id == value)
    return Port.c.id.in_(members)


@ports.create(policy=policy.CREATE_PORT)
async def create(ctx: Ctx, body: PortCreate) -> Port:
    """Create a port on a network that the caller sees."""
    identity = ctx.identity
    network = await networks.find(
        ctx.db, body.network_id, project_id=identity.project_id, is_admin=identity.is_admin
    )
    project_id = owner(ctx, body)
    guard(ctx, network, body, policy.CREATE_PORT_TRUST)
    await check_policy(ctx, body)
    values = columns(body, *APART, "mac_address")
    domain.check_device(None, values)
    mac = None if body.mac_address is UNSET else body.mac_address
    values["extra_dhcp_opts"] = dhcp_options.merged([], body.extra_dhcp_opts or ())
    values["tags"] = sorted(set(body.tags))
    groups = await group_ids(ctx, body.security_groups, project_id)
    return await domain.create(
        ctx, network, project_id, fixed_ips=asked(body.fixed_ips), group_ids=groups, mac=mac, **values
    )


@ports.update(policy=policy.UPDATE_PORT)
async def update(ctx: Ctx, port: Port, body: PortUpdate) -> Port:
    """Change a port."""
    network = await ctx.db.get(Network, port.network_id)
    if network is not None:
        guard(ctx, network, body, policy.UPDATE_PORT_TRUST)
    await check_policy(ctx, body, port.qos_policy_id)
    values = columns(body, *APART)
    for name, nothing in (("host", ""), ("profile", {})):
        if name in values and values[name] is None:
            values[name] = nothing
    domain.check_device(port, values)
    if values.get("device_id", port.device_id) != port.device_id:
        values = {"host": "", "made_for": None} | values  # its server has it no longer
    if body.extra_dhcp_opts:
        values["extra_dhcp_opts"] = dhcp_options.merged(port.extra_dhcp_opts, body.extra_dhcp_opts)
    groups = await group_ids(ctx, body.security_groups, port.project_id)
    return await domain.update(ctx, port, values, fixed_ips=asked(body.fixed_ips), group_ids=groups)


def its_network(ctx: Ctx) -> dict[str, Any]:
    """Return what the policy of a delete is checked against: whose the port is, and whose its network.

    Of others' ports a caller sees none but those on networks of its own.
    """
    port: Port = ctx.target
    theirs = port.project_id != ctx.identity.project_id and not ctx.identity.is_admin
    network = ctx.identity.project_id if theirs else None
    owned = {"project_id": port.project_id, "tenant_id": port.project_id, "network:project_id": network}
    return owned | {"device_owner": port.device_owner}


@ports.member("DELETE", "", policy=policy.DELETE_PORT, status=204, target=its_network)
async def delete(ctx: Ctx, port: Port) -> None:
    """Delete a port that nothing stands on."""
    await domain.delete(ctx, port)


def guard(ctx: Ctx, network: Network, body: Any, rules: Mapping[str, Rule]) -> None:
    """Refuse what only the network's owner may say of ports on it."""
    given = body.given()
    said = {name for name in rules if given.get(name)}
    if not str(given.get("device_owner", "")).startswith("network:"):
        said.discard("device_owner")  # what is not of the network itself is only a note
    if any(entry.ip_address for entry in given.get("fixed_ips") or ()):
        said.add("fixed_ips:ip_address")
    if given.get("port_security_enabled") is False:
        said.add("port_security_enabled")
    owned = {"network:project_id": network.project_id, "network:tenant_id": network.project_id}
    for name in sorted(said):
        ctx.authorise(rules[name], ctx.own() | owned)


async def group_ids(ctx: Ctx, wanted: Any, project_id: str) -> list[str] | None:
    """Check the groups that a client sent: None when it sent none, [] for null."""
    if wanted is UNSET:
        return None
    admin = ctx.identity.is_admin
    if len(set(wanted or ())) < len(wanted or ()):
        raise InvalidInput(reason="a security group is named twice", field="security_groups")
    for group_id in wanted or ():
        await security_groups.find(ctx.db, group_id, project_id=project_id, is_admin=admin)
    return list(wanted or ())
