"""Floating IPs."""

from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.resource import PROJECT
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import check_policy, columns, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import floating_ips as domain
from cumulo.services.network.domain import names, networks, ports
from cumulo.services.network.errors import BadRequest, FloatingIPNotFound
from cumulo.services.network.model import FloatingIp, Port
from cumulo.services.network.schema.bodies import FloatingIpCreate, FloatingIpUpdate
from cumulo.services.network.schema.routing import FloatingIpView

floating_ips = StandardResource(
    "floatingip",
    "/floatingips",
    model=FloatingIp,
    view=FloatingIpView,
    scope=PROJECT,
    missing=FloatingIPNotFound,
    quota={"floatingip": 1},
)
floating_ips.list(policy=policy.GET_FIP)
floating_ips.show(policy=policy.GET_FIP)


@floating_ips.create(policy=policy.CREATE_FIP)
async def create(ctx: Ctx, body: FloatingIpCreate) -> FloatingIp:
    """Take an address of an external network, and lead it to a port if asked."""
    check_address(body)
    identity = ctx.identity
    network = await networks.find(
        ctx.db, body.floating_network_id, project_id=identity.project_id, is_admin=identity.is_admin
    )
    await check_policy(ctx, body)
    address = None if body.floating_ip_address is UNSET else body.floating_ip_address
    port = await port_of(ctx, body.port_id) if body.port_id else None
    row = await domain.create(
        ctx,
        network,
        owner(ctx, body),
        address=address,
        subnet_id=body.subnet_id,
        description=body.description,
        qos_policy_id=body.qos_policy_id,
        dns_name=names.check_name(body.dns_name),
        dns_domain=names.check_domain(body.dns_domain),
        distributed=None if body.distributed is UNSET else body.distributed,
    )
    return await domain.associate(ctx, row, port, body.fixed_ip_address) if port else row


@floating_ips.update(policy=policy.UPDATE_FIP)
async def update(ctx: Ctx, row: FloatingIp, body: FloatingIpUpdate) -> FloatingIp:
    """Describe a floating IP, lead it elsewhere, or nowhere: which is also what an empty body says."""
    check_address(body)
    await check_policy(ctx, body, row.qos_policy_id)
    await domain.update(ctx, row, columns(body, "port_id", "fixed_ip_address"))
    if body.port_id is None or not body.given():
        return await domain.disassociate(ctx, row)
    if body.port_id is UNSET:
        return row
    address = None if body.fixed_ip_address is UNSET else body.fixed_ip_address
    return await domain.associate(ctx, row, await port_of(ctx, body.port_id), address)


@floating_ips.delete(policy=policy.DELETE_FIP)
async def delete(ctx: Ctx, row: FloatingIp) -> None:
    """Give the address back."""
    await domain.refuse_forwarding(ctx.db, row)
    await domain.delete(ctx, row)


def check_address(body: FloatingIpCreate | FloatingIpUpdate) -> None:
    """Refuse the address of no port. BadRequest."""
    if body.fixed_ip_address and not body.port_id:
        reason = "fixed_ip_address cannot be specified without a port_id"
        raise BadRequest(resource="floatingip", reason=reason)


async def port_of(ctx: Ctx, port_id: str) -> Port:
    """Return a port of the caller's. PortNotFound."""
    identity = ctx.identity
    return await ports.find(ctx.db, port_id, project_id=identity.project_id, is_admin=identity.is_admin)
