"""What else can be done to a server: making it anew, moving, rescuing, shelving it."""

from typing import Any

from msgspec import UNSET

from cumulo.core.http import Ctx, Response
from cumulo.services.compute import policy
from cumulo.services.compute.api.servers import servers
from cumulo.services.compute.domain import creation, mending, moves, ports, shelving
from cumulo.services.compute.domain import servers as domain
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.bodies import (
    AddFixedIpBody,
    BackupBody,
    FloatingIpBody,
    InterfaceBody,
    MigrateBody,
    PasswordBody,
    RebuildBody,
    RemoveFixedIpBody,
    RescueBody,
    ResizeBody,
    UnshelveBody,
)
from cumulo.services.compute.schema.servers import ServerRebuilt
from cumulo.services.compute.tasks import Change

SERVERS = servers
"""Servers, with what else can be done to them here."""


@servers.action("suspend", policy=policy.SUSPEND, status=202)
async def suspend(ctx: Ctx, server: Server) -> None:
    """Write a server's memory to disk and stop it."""
    await domain.change_power(ctx, server, Change.SUSPEND)


@servers.action("resume", policy=policy.RESUME, status=202)
async def resume(ctx: Ctx, server: Server) -> None:
    """Let a suspended server go on."""
    await domain.change_power(ctx, server, Change.RESUME)


@servers.action("rescue", policy=policy.RESCUE, status=200)
async def rescue(ctx: Ctx, server: Server, body: RescueBody | None) -> Any:
    """Boot a server from a rescue image."""
    ref = body.image_ref if body is not None and isinstance(body.image_ref, str) else None
    await mending.rescue(ctx, server, ref)
    given = body.admin_pass if body is not None else UNSET
    return {"adminPass": creation.password() if given is UNSET else given}


@servers.action("unrescue", policy=policy.UNRESCUE, status=202)
async def unrescue(ctx: Ctx, server: Server) -> None:
    """Boot a rescued server from its own disk again."""
    await mending.unrescue(ctx, server)


@servers.action("trigger_crash_dump", policy=policy.CRASH_DUMP, status=202, since="2.17")
async def crash(ctx: Ctx, server: Server) -> None:
    """Make a server's kernel crash, as it is set up to dump its memory."""
    await domain.change_power(ctx, server, Change.CRASH_DUMP)


@servers.action("rebuild", policy=policy.REBUILD, status=202)
async def rebuild(ctx: Ctx, server: Server, body: RebuildBody) -> Response:
    """Make a server's disk anew, from its image or another."""
    secret = creation.password() if body.admin_pass is UNSET else body.admin_pass
    row = await mending.rebuild(ctx, server, body, secret)
    shape = (await ServerRebuilt.render(ctx, [row]))[0]
    location = {"Location": f"{ctx.base_url}/servers/{server.id}"}
    return Response(202, {"server": {**shape, "adminPass": secret}}, location)


@servers.action("resize", policy=policy.RESIZE, status=202)
async def resize(ctx: Ctx, server: Server, body: ResizeBody) -> None:
    """Give a server another flavor."""
    await moves.resize(ctx, server, body)


@servers.action("confirmResize", policy=policy.CONFIRM_RESIZE, status=204)
async def confirm_resize(ctx: Ctx, server: Server) -> None:
    """Confirm a server's move: what it left behind goes."""
    await moves.confirm(ctx, server)


@servers.action("revertResize", policy=policy.REVERT_RESIZE, status=202)
async def revert_resize(ctx: Ctx, server: Server) -> None:
    """Take a server's move back."""
    await moves.revert(ctx, server)


@servers.action("migrate", policy=policy.MIGRATE, status=202)
async def migrate(ctx: Ctx, server: Server, body: MigrateBody | None) -> None:
    """Move a server to another host; it is off meanwhile."""
    host = body.host if body is not None and isinstance(body.host, str) else None
    if host is not None:
        ctx.authorise(policy.MIGRATE_TO_HOST, server)
    await moves.migrate(ctx, server, host)


@servers.action("shelve", policy=policy.SHELVE, status=202)
async def shelve(ctx: Ctx, server: Server) -> None:
    """Put a server on the shelf."""
    await shelving.shelve(ctx, server)


@servers.action("shelveOffload", policy=policy.SHELVE_OFFLOAD, status=202)
async def offload(ctx: Ctx, server: Server) -> None:
    """Take a shelved server off its host."""
    await shelving.offload(ctx, server)


@servers.action("unshelve", policy=policy.UNSHELVE, status=202)
async def unshelve(ctx: Ctx, server: Server, body: UnshelveBody | None) -> None:
    """Take a server off the shelf."""
    await shelving.unshelve(ctx, server, body)


@servers.action("createBackup", policy=policy.BACKUP, status=202)
async def backup(ctx: Ctx, server: Server, body: BackupBody) -> Response:
    """Make a backup of a server, and let those go that are too many."""
    image_id = await shelving.backup(ctx, server, body)
    if ctx.version is not None and ctx.version >= (2, 45):
        return Response(202, {"image_id": image_id} if image_id else b"")
    location = {"Location": f"{ctx.root_url}/image/v2/images/{image_id}"} if image_id else {}
    return Response(202, b"", location)


@servers.action("changePassword", policy=policy.CHANGE_PASSWORD, status=202)
async def change_password(ctx: Ctx, server: Server, body: PasswordBody) -> None:
    """Set the administrator's password by the agent in the guest."""
    await mending.change_password(ctx, server, body.admin_pass)


@servers.member("GET", "/os-server-password", policy=policy.PASSWORD_SHOW)
async def show_password(ctx: Ctx, server: Server) -> Any:
    """Show the password that the guest encrypted to its key."""
    del ctx
    return {"password": server.password or ""}


@servers.member("DELETE", "/os-server-password", policy=policy.PASSWORD_CLEAR, status=204)
async def clear_password(ctx: Ctx, server: Server) -> None:
    """Forget the password that the guest encrypted to its key."""
    await domain.write(ctx.db, server, password=None)


@servers.member("GET", "/diagnostics", policy=policy.DIAGNOSTICS)
async def diagnostics(ctx: Ctx, server: Server) -> Any:
    """Show what a server's machine counts."""
    return await mending.diagnostics(ctx, server)


@servers.member("POST", "/os-interface", policy=policy.INTERFACES_ATTACH, envelope="interfaceAttachment")
async def attach_interface(ctx: Ctx, server: Server, body: InterfaceBody) -> Any:
    """Give a server one more port."""
    return {"interfaceAttachment": await ports.attach(ctx, server, body)}


@servers.member("DELETE", "/os-interface/{port_id}", policy=policy.INTERFACES_DETACH, status=202)
async def detach_interface(ctx: Ctx, server: Server, port_id: str) -> None:
    """Take a port from a server."""
    await ports.detach(ctx, server, port_id)


@servers.action("addFixedIp", policy=policy.FIXED_IP_ADD, status=202, until="2.43")
async def add_fixed_ip(ctx: Ctx, server: Server, body: AddFixedIpBody) -> None:
    """Give a server one more address."""
    await ports.change_fixed(ctx, server, network=body.network_id, address=None)


@servers.action("removeFixedIp", policy=policy.FIXED_IP_REMOVE, status=202, until="2.43")
async def remove_fixed_ip(ctx: Ctx, server: Server, body: RemoveFixedIpBody) -> None:
    """Take an address from a server."""
    await ports.change_fixed(ctx, server, network=None, address=body.address)


@servers.action("addFloatingIp", policy=policy.FLOATING_IP_ADD, status=202, until="2.43")
async def add_floating_ip(ctx: Ctx, server: Server, body: FloatingIpBody) -> None:
    """Lead a floating address to a server."""
    fixed = body.fixed_address if isinstance(body.fixed_address, str) else None
    await ports.change_floating(ctx, server, body.address, fixed=fixed, present=True)


@servers.action("removeFloatingIp", policy=policy.FLOATING_IP_REMOVE, status=202, until="2.43")
async def remove_floating_ip(ctx: Ctx, server: Server, body: FloatingIpBody) -> None:
    """Lead a floating address to a server no longer."""
    await ports.change_floating(ctx, server, body.address, fixed=None, present=False)
