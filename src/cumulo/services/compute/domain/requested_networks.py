"""The networks that a request for servers asks for."""

from msgspec import UNSET

from cumulo.contracts.network import NetworkRequest, Ports
from cumulo.core.http import Ctx
from cumulo.services.compute import allotments, policy
from cumulo.services.compute.errors import BadNetworks, PortForMany
from cumulo.services.compute.schema.bodies import ServerBody
from cumulo.services.compute.schema.devices import NetworkEntry
from cumulo.services.compute.schema.tags import NETWORK_TAGS_LOST, tag_of


async def resolved(ctx: Ctx, body: ServerBody, count: int) -> tuple[list[NetworkRequest], list[str]]:
    """Return the networks and groups that the request means, resolved by the network service."""
    asked = body.networks
    if asked is UNSET and ctx.version is not None and ctx.version >= (2, 37):
        raise BadNetworks(reason="'networks' is a required property")
    if isinstance(asked, str) and ctx.version is not None and ctx.version < (2, 37):
        raise BadNetworks(reason=f"'{asked}' is not of type 'array'")
    requests: list[NetworkRequest] | None = None
    if asked is not UNSET:
        ctx.authorise(policy.ATTACH_NETWORK)
    if asked == "none":
        requests = []
    elif asked == "auto":
        requests = await ctx.use(Ports).automatic(ctx, project_id=ctx.identity.project_id or "")
    elif isinstance(asked, list) and asked:
        requests = [_request(ctx, entry, count) for entry in asked]
    names = [] if body.security_groups is UNSET else [g.name for g in body.security_groups]
    identity = ctx.identity
    found = await ctx.use(Ports).check(
        ctx.db,
        requests,
        project_id=identity.project_id or "",
        is_admin=ctx.may(policy.EXTERNAL_NETWORK),
        security_groups=names,
    )
    await allotments.check(ctx, [each.port_id for each in found[0] if each.port_id is not None])
    return found


def _request(ctx: Ctx, entry: NetworkEntry, count: int) -> NetworkRequest:
    """Return what one entry of `networks` asks for."""
    port = entry.port if isinstance(entry.port, str) else None
    network = entry.uuid if isinstance(entry.uuid, str) else None
    address = entry.fixed_ip if isinstance(entry.fixed_ip, str) else None
    if port is None and network is None:
        raise BadNetworks(reason="each needs a 'uuid' or a 'port'")
    if port is not None and count > 1:
        raise PortForMany
    if port is not None and address is not None:
        raise BadNetworks(reason=f"Specified Fixed IP '{address}' cannot be used with port '{port}'")
    if address is not None and count > 1:
        raise BadNetworks(reason="max_count cannot be greater than 1 if a fixed_ip is specified.")
    tag = tag_of(ctx, entry.tag, lost=NETWORK_TAGS_LOST)
    return NetworkRequest(network_id=network, port_id=port, fixed_ip=address, tag=tag)
