"""What may be done to a server that exists."""

from ipaddress import ip_address
from typing import Any

import msgspec

from cumulo.core import clock
from cumulo.core.db import Reader, Transaction, become
from cumulo.core.http import Ctx
from cumulo.core.tasks import Task
from cumulo.core.tasks import TaskState as State
from cumulo.core.work import Work
from cumulo.services.compute import containers, guests, history, policy
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.quotas import check_metadata
from cumulo.services.compute.errors import (
    CannotWhile,
    InvalidParameter,
    MetadataKeyNotFound,
    NotLaunched,
    ServerLocked,
    ServerNotFound,
    TagNotFound,
    TooManyTags,
    WrongZone,
)
from cumulo.services.compute.model import Server, TaskState, VmState
from cumulo.services.compute.schema.bodies import RebuildBody, ServerBody, ServerChange
from cumulo.services.compute.tasks import MEANINGS, Change, ChangePower, DeleteServer

_TAGS = msgspec.json.Decoder(list[str])


async def latest(db: Transaction, server: Server) -> Server:
    """Read a server again and hold it until the transaction ends. ServerNotFound."""
    row = await db.one(Server, Server.c.id == server.id, for_update=True)
    if row is None or row.deleted_at is not None:
        raise ServerNotFound(id=server.id)
    return row


def check_lock(ctx: Ctx, server: Server) -> None:
    """Refuse to touch a locked server, unless an administrator asks."""
    if server.locked and not ctx.identity.is_admin:
        raise ServerLocked(id=server.id)


def check_state(server: Server, action: str, allowed: frozenset[VmState]) -> None:
    """Refuse what the server's state does not allow, in Nova's words; and what a container cannot."""
    containers.check(server, action)
    if server.vm_state not in allowed:
        state = server.vm_state.value
        raise CannotWhile(action=action, id=server.id, attribute="vm_state", state=state)
    if server.task_state is not None:
        state = server.task_state.value
        raise CannotWhile(action=action, id=server.id, attribute="task_state", state=state)


async def change_power(ctx: Ctx, server: Server, change: Change, **values: Any) -> None:
    """Start, stop, reboot, pause, suspend or rescue a server, and write these columns of it."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    meaning = MEANINGS[change]
    verb = "reboot" if change is Change.HARD_REBOOT else change.value
    check_state(server, verb, meaning.allowed)
    if server.launched_at is None:
        raise NotLaunched(action=verb, id=server.id)
    action = await begin(ctx, server, verb)
    saga = ChangePower(server_id=server.id, action_id=action, change=change)
    operation = await ctx.start(saga)
    await write(ctx.db, server, task_state=meaning.task, operation=operation, **values)


async def delete(ctx: Ctx, server: Server) -> None:
    """Delete a server, whatever is being done to it. A second request changes nothing."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    identity = ctx.identity
    await end(ctx, server, user_id=identity.user_id or "", project_id=identity.project_id or "")


async def end(work: Work, server: Server, *, user_id: str, project_id: str) -> None:
    """Have a server that is held by the transaction deleted in the name of a user, if it is not being so."""
    busy = await is_worked_on(work.db, server)
    if busy and server.task_state == TaskState.DELETING:
        return
    action = await history.begin(work, server.id, "delete", user_id=user_id, project_id=project_id)
    if busy:  # what works on it will see the mark, let go and begin the deletion
        await write(work.db, server, task_state=TaskState.DELETING, deletion=action)
        return
    operation = await work.start(DeleteServer(server_id=server.id, action_id=action))
    doomed = {"task_state": TaskState.DELETING, "operation": operation, "deletion": None}
    await write(work.db, server, **doomed)


async def is_worked_on(db: Reader, server: Server) -> bool:
    """Say whether a saga works on the server; one that is stuck does not: a deletion passes it by."""
    if server.operation is None:
        return False
    task = await db.get(Task, server.operation)
    return task is not None and task.finished_at is None and task.state is not State.STUCK


async def update(ctx: Ctx, server: Server, body: ServerChange) -> Server:
    """Change what a server is called and what is said of it."""
    check_lock(ctx, server)
    check_access(body)
    changes = body.given()
    if isinstance(body.requested_zone, str) and body.requested_zone != server.zone:
        raise WrongZone(zone=body.requested_zone, current=server.zone)
    if not changes:
        return server
    await write(ctx.db, server, **changes)
    return await latest(ctx.db, server)


def check_access(body: ServerBody | ServerChange | RebuildBody) -> None:
    """Write access addresses in their shortest form; refuse what is none. An empty one takes it away."""
    if isinstance(body.access_ipv4, str) and body.access_ipv4:
        body.access_ipv4 = _address("accessIPv4", body.access_ipv4, 4)
    if isinstance(body.access_ipv6, str) and body.access_ipv6:
        body.access_ipv6 = _address("accessIPv6", body.access_ipv6, 6)


def _address(name: str, value: str, version: int) -> str:
    try:
        address = ip_address(value)
    except ValueError:
        address = None
    if address is None or address.version != version:
        raise InvalidParameter(name=name, value=value, reason=f"It is no IPv{version} address.")
    return str(address)


async def lock(ctx: Ctx, server: Server, reason: str | None) -> None:
    """Keep all but administrators from changing a server."""
    by = "owner" if ctx.identity.project_id == server.project_id else "admin"
    await begin(ctx, server, "lock", done=True)
    await write(ctx.db, server, locked=True, locked_by=by, locked_reason=reason)


async def unlock(ctx: Ctx, server: Server) -> None:
    """Let a server be changed again; one that an administrator locked, only administrators may."""
    if server.locked_by == "admin":
        ctx.authorise(policy.UNLOCK_ANY, server)
    await begin(ctx, server, "unlock", done=True)
    await write(ctx.db, server, locked=False, locked_by=None, locked_reason=None)


async def reset_state(ctx: Ctx, server: Server, state: str) -> None:
    """Set a server's state by hand; what works on it goes on."""
    server = await latest(ctx.db, server)
    await begin(ctx, server, "resetState", done=True)
    values = {"task_state": None, "updated_at": clock.now()}
    await become(ctx.db, Server, server.id, VmState(state), column="vm_state", **values)


async def set_metadata(
    ctx: Ctx, server: Server, items: dict[str, str], *, replace: bool = False
) -> dict[str, str]:
    """Add items to a server's metadata, or put them in its place; return all."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    _check_settled(server, "update metadata")
    metadata = items if replace else {**guests.metadata_of(server), **items}
    await check_metadata(ctx, len(metadata))
    await begin(ctx, server, "updateMetadata", done=True)
    await write(ctx.db, server, metadata=metadata)
    return metadata


def metadata_item(server: Server, key: str) -> dict[str, str]:
    """Return one item of a server's metadata. MetadataKeyNotFound."""
    metadata = guests.metadata_of(server)
    if key not in metadata:
        raise MetadataKeyNotFound(key=key)
    return {key: metadata[key]}


async def delete_metadata(ctx: Ctx, server: Server, key: str) -> None:
    """Take an item off a server's metadata."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    _check_settled(server, "delete metadata")
    metadata_item(server, key)
    metadata = guests.metadata_of(server)
    del metadata[key]
    await begin(ctx, server, "deleteMetadata", done=True)
    await write(ctx.db, server, metadata=metadata)


def tags_of(server: Server) -> list[str]:
    """Return a server's tags."""
    return _TAGS.decode(server.tags)


async def set_tags(ctx: Ctx, server: Server, tags: list[str]) -> list[str]:
    """Give a server these tags and no others."""
    limit = ctx.use(ComputeSettings).server_tags
    wanted = sorted(set(tags))
    if len(wanted) > limit:
        raise TooManyTags(limit=limit)
    await write(ctx.db, server, tags=wanted)
    return wanted


async def add_tag(ctx: Ctx, server: Server, tag: str) -> bool:
    """Give a server a tag; return whether it is new."""
    server = await latest(ctx.db, server)
    tags = tags_of(server)
    if tag in tags:
        return False
    await set_tags(ctx, server, [*tags, tag])
    return True


def check_tag(server: Server, tag: str) -> None:
    """Raise TagNotFound unless the server has the tag."""
    if tag not in tags_of(server):
        raise TagNotFound(id=server.id, tag=tag)


async def delete_tag(ctx: Ctx, server: Server, tag: str) -> None:
    """Take a tag off a server."""
    server = await latest(ctx.db, server)
    check_tag(server, tag)
    await set_tags(ctx, server, [other for other in tags_of(server) if other != tag])


def _check_settled(server: Server, action: str) -> None:
    """Refuse while the server is being built or deleted."""
    allowed = frozenset(VmState) - {VmState.BUILDING, VmState.DELETED}
    if server.vm_state not in allowed:
        check_state(server, action, allowed)


async def begin(ctx: Ctx, server: Server, action: str, *, done: bool = False) -> str:
    """Note what was asked of a server; with `done`, that it is over already."""
    identity = ctx.identity
    action_id = await history.begin(
        ctx,
        server.id,
        action,
        user_id=identity.user_id or "",
        project_id=identity.project_id or "",
    )
    if done:
        await history.note(ctx.db, action_id, f"compute_{action}", last=True)
    return action_id


async def write(db: Transaction, server: Server, **values: Any) -> None:
    """Write columns of a server, and that it changed."""
    values.setdefault("updated_at", clock.now())
    await db.update(Server, Server.c.id == server.id, **values)
