"""What lies below a server: metadata, tags, addresses, ports, volumes, groups, its history."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.services.compute import guests, policy
from cumulo.services.compute.api.servers import servers
from cumulo.services.compute.domain import past, ports, security_groups, volumes
from cumulo.services.compute.domain import servers as domain
from cumulo.services.compute.domain.flavors import only
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.bodies import GroupName, MetaBody, MetadataBody, TagsBody
from cumulo.services.compute.schema.servers import plain_addresses
from cumulo.services.compute.schema.volumes import (
    VolumeAttachmentBody,
    VolumeAttachmentChange,
    VolumeAttachmentView,
)

routes = RouteSet()


@servers.member("GET", "/metadata", policy=policy.METADATA_LIST)
async def list_metadata(ctx: Ctx, server: Server) -> Any:
    """Show a server's metadata."""
    del ctx
    return {"metadata": guests.metadata_of(server)}


@servers.member("POST", "/metadata", policy=policy.METADATA_CREATE)
async def add_metadata(ctx: Ctx, server: Server, body: MetadataBody) -> Any:
    """Add items to a server's metadata."""
    return {"metadata": await domain.set_metadata(ctx, server, body.metadata)}


@servers.member("PUT", "/metadata", policy=policy.METADATA_REPLACE)
async def replace_metadata(ctx: Ctx, server: Server, body: MetadataBody) -> Any:
    """Replace a server's metadata."""
    return {"metadata": await domain.set_metadata(ctx, server, body.metadata, replace=True)}


@servers.member("GET", "/metadata/{key}", policy=policy.METADATA_SHOW)
async def show_metadata(ctx: Ctx, server: Server, key: str) -> Any:
    """Show an item of a server's metadata."""
    del ctx
    return {"meta": domain.metadata_item(server, key)}


@servers.member("PUT", "/metadata/{key}", policy=policy.METADATA_SET)
async def set_metadata(ctx: Ctx, server: Server, key: str, body: MetaBody) -> Any:
    """Set an item of a server's metadata."""
    item = only(key, body.meta)
    await domain.set_metadata(ctx, server, item)
    return {"meta": item}


@servers.member("DELETE", "/metadata/{key}", policy=policy.METADATA_DELETE, status=204)
async def delete_metadata(ctx: Ctx, server: Server, key: str) -> None:
    """Delete an item of a server's metadata."""
    await domain.delete_metadata(ctx, server, key)


@servers.member("GET", "/tags", policy=policy.TAGS_LIST, since="2.26")
async def list_tags(ctx: Ctx, server: Server) -> Any:
    """List a server's tags."""
    del ctx
    return {"tags": domain.tags_of(server)}


@servers.member("PUT", "/tags", policy=policy.TAGS_REPLACE, since="2.26")
async def replace_tags(ctx: Ctx, server: Server, body: TagsBody) -> Any:
    """Replace a server's tags."""
    return {"tags": await domain.set_tags(ctx, server, body.tags)}


@servers.member("DELETE", "/tags", policy=policy.TAGS_CLEAR, status=204, since="2.26")
async def clear_tags(ctx: Ctx, server: Server) -> None:
    """Delete all tags of a server."""
    await domain.set_tags(ctx, server, [])


@servers.member("GET", "/tags/{tag}", policy=policy.TAGS_SHOW, status=204, since="2.26")
async def check_tag(ctx: Ctx, server: Server, tag: str) -> None:
    """Check that a server has a tag."""
    del ctx
    domain.check_tag(server, tag)


@servers.member("PUT", "/tags/{tag}", policy=policy.TAGS_ADD, since="2.26")
async def add_tag(ctx: Ctx, server: Server, tag: str) -> Response:
    """Add a tag to a server."""
    new = await domain.add_tag(ctx, server, tag)
    location = f"{ctx.base_url}/servers/{server.id}/tags/{tag}"
    return Response(201 if new else 204, b"", {"Location": location})


@servers.member("DELETE", "/tags/{tag}", policy=policy.TAGS_DELETE, status=204, since="2.26")
async def delete_tag(ctx: Ctx, server: Server, tag: str) -> None:
    """Delete a tag of a server."""
    await domain.delete_tag(ctx, server, tag)


@servers.member("GET", "/ips", policy=policy.IPS_LIST)
async def list_ips(ctx: Ctx, server: Server) -> Any:
    """List a server's addresses by network."""
    del ctx
    return {"addresses": plain_addresses(server.addresses)}


@servers.member("GET", "/ips/{network_label}", policy=policy.IPS_SHOW)
async def show_ips(ctx: Ctx, server: Server, network_label: str) -> Any:
    """List a server's addresses on one network."""
    del ctx
    return ports.addresses_on(server, network_label)


@servers.member("GET", "/os-interface", policy=policy.INTERFACES_LIST)
async def list_interfaces(ctx: Ctx, server: Server) -> Any:
    """List a server's ports."""
    return {"interfaceAttachments": await ports.interfaces(ctx, server)}


@servers.member("GET", "/os-interface/{port_id}", policy=policy.INTERFACES_SHOW)
async def show_interface(ctx: Ctx, server: Server, port_id: str) -> Any:
    """Show one of a server's ports."""
    return {"interfaceAttachment": await ports.interface(ctx, server, port_id)}


@servers.member("GET", "/os-volume_attachments", policy=policy.VOLUMES_LIST)
async def list_volumes(ctx: Ctx, server: Server) -> Any:
    """List a server's volumes."""
    found = await volumes.of_server(ctx, server)
    return {"volumeAttachments": await VolumeAttachmentView.render(ctx, found)}


@servers.member("GET", "/os-volume_attachments/{volume_id}", policy=policy.VOLUMES_SHOW)
async def show_volume(ctx: Ctx, server: Server, volume_id: str) -> Any:
    """Show a server's volume."""
    found = await volumes.one(ctx, server, volume_id)
    return {"volumeAttachment": (await VolumeAttachmentView.render(ctx, [found]))[0]}


@servers.member("POST", "/os-volume_attachments", policy=policy.VOLUMES_ATTACH, envelope="volumeAttachment")
async def attach_volume(ctx: Ctx, server: Server, body: VolumeAttachmentBody) -> Any:
    """Attach a volume to a server."""
    made = await volumes.attach(ctx, server, body)
    return {"volumeAttachment": (await VolumeAttachmentView.render(ctx, [made]))[0]}


@servers.member(
    "PUT",
    "/os-volume_attachments/{volume_id}",
    policy=policy.VOLUMES_UPDATE,
    envelope="volumeAttachment",
    status=202,
)
async def change_volume(ctx: Ctx, server: Server, volume_id: str, body: VolumeAttachmentChange) -> None:
    """Say whether a volume goes with its server."""
    await volumes.change(ctx, server, volume_id, body)


@servers.member("DELETE", "/os-volume_attachments/{volume_id}", policy=policy.VOLUMES_DETACH, status=202)
async def detach_volume(ctx: Ctx, server: Server, volume_id: str) -> None:
    """Detach a volume from a server."""
    await volumes.detach(ctx, server, volume_id)


@servers.member("GET", "/os-security-groups", policy=policy.GROUPS_LIST)
async def list_groups(ctx: Ctx, server: Server) -> Any:
    """List the security groups on a server's ports."""
    return await security_groups.of_server(ctx, server)


@servers.action("addSecurityGroup", policy=policy.GROUPS_ADD, status=202)
async def add_group(ctx: Ctx, server: Server, body: GroupName) -> None:
    """Add a security group to a server's ports."""
    await ports.change_group(ctx, server, body.name, present=True)


@servers.action("removeSecurityGroup", policy=policy.GROUPS_REMOVE, status=202)
async def remove_group(ctx: Ctx, server: Server, body: GroupName) -> None:
    """Take a security group off a server's ports."""
    await ports.change_group(ctx, server, body.name, present=False)


@routes.route(
    "GET",
    "/servers/{server_id}/os-instance-actions",
    policy=policy.ACTIONS_LIST,
    target=past.target,
)
async def list_actions(ctx: Ctx, server_id: str) -> Any:
    """List what was done to a server, a deleted one too."""
    return {"instanceActions": await past.actions(ctx, server_id)}


@routes.route(
    "GET",
    "/servers/{server_id}/os-instance-actions/{request_id}",
    policy=policy.ACTIONS_SHOW,
    target=past.target,
)
async def show_action(ctx: Ctx, server_id: str, request_id: str) -> Any:
    """Show what one request did to a server."""
    return {"instanceAction": await past.action(ctx, server_id, request_id)}
