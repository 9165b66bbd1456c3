"""Groups, their types and their snapshots."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api.counted import CountedResource
from cumulo.services.block_storage.domain import group_snapshots, group_types, search
from cumulo.services.block_storage.domain import groups as domain
from cumulo.services.block_storage.domain.volumes import only
from cumulo.services.block_storage.errors import GroupNotFound, GroupSnapshotNotFound, GroupTypeNotFound
from cumulo.services.block_storage.model import (
    Group,
    GroupSnapshot,
    GroupSnapshotStatus,
    GroupStatus,
    GroupType,
)
from cumulo.services.block_storage.schema.bodies import ResetBody
from cumulo.services.block_storage.schema.groups import (
    FailoverBody,
    GroupBody,
    GroupBrief,
    GroupChange,
    GroupCopyBody,
    GroupDeleteBody,
    GroupSnapshotBody,
    GroupSnapshotBrief,
    GroupSnapshotCreated,
    GroupSnapshotView,
    GroupSpecsBody,
    GroupTypeBody,
    GroupTypeChange,
    GroupTypeView,
    GroupView,
)
from cumulo.services.block_storage.schema.types import Specs

TYPES, GROUPS, SNAPSHOTS, REPLICATION = "3.11", "3.13", "3.14", "3.38"
ORDER = ("created_at:desc", "id:desc")

routes = RouteSet()

types = CountedResource(
    "group_type",
    "/group_types",
    model=GroupType,
    view=GroupTypeView,
    scope=group_types.visible,
    order=ORDER,
    missing=GroupTypeNotFound,
)
types.list(policy=policy.GROUP_TYPE_SEE, since=TYPES)
types.show(policy=policy.GROUP_TYPE_SEE, since=TYPES)
types.filter("group_specs")(search.items(GroupType, "group_specs", "group_specs"))


@routes.route("GET", "/group_types/default", policy=policy.GROUP_TYPE_SEE, since=TYPES)
async def show_default(ctx: Ctx) -> Any:
    """Show the default group type."""
    kind = await group_types.default(ctx)
    return {"group_type": (await GroupTypeView.render(ctx, [kind]))[0]}


@types.create(policy=policy.GROUP_TYPE_CREATE, status=202, since=TYPES)
async def create_type(ctx: Ctx, body: GroupTypeBody) -> GroupType:
    """Create a group type."""
    return await group_types.create(ctx, body)


@types.update(policy=policy.GROUP_TYPE_UPDATE, since=TYPES)
async def update_type(ctx: Ctx, kind: GroupType, body: GroupTypeChange) -> GroupType:
    """Update a group type."""
    return await group_types.update(ctx, kind, body)


@types.delete(policy=policy.GROUP_TYPE_DELETE, status=202, since=TYPES)
async def delete_type(ctx: Ctx, kind: GroupType) -> None:
    """Delete a group type that no group has."""
    await group_types.delete(ctx, kind)


@types.member("GET", "/group_specs", policy=policy.GROUP_SPECS_LIST, since=TYPES)
async def list_specs(ctx: Ctx, kind: GroupType) -> Any:
    """Show a group type's specs."""
    del ctx
    return {"group_specs": kind.group_specs}


@types.member("POST", "/group_specs", policy=policy.GROUP_SPECS_CREATE, status=202, since=TYPES)
async def add_specs(ctx: Ctx, kind: GroupType, body: GroupSpecsBody) -> Any:
    """Add specs to a group type."""
    await group_types.set_specs(ctx, kind, body.group_specs)
    return {"group_specs": body.group_specs}


@types.member("GET", "/group_specs/{key}", policy=policy.GROUP_SPECS_SHOW, since=TYPES)
async def show_spec(ctx: Ctx, kind: GroupType, key: str) -> Any:
    """Show one of a group type's specs."""
    del ctx
    return group_types.spec(kind, key)


@types.member("PUT", "/group_specs/{key}", policy=policy.GROUP_SPECS_UPDATE, since=TYPES)
async def set_spec(ctx: Ctx, kind: GroupType, key: str, body: Specs) -> Any:
    """Set one of a group type's specs."""
    item = only(key, body)
    await group_types.set_specs(ctx, kind, item)
    return item


@types.member("DELETE", "/group_specs/{key}", policy=policy.GROUP_SPECS_DELETE, status=202, since=TYPES)
async def delete_spec(ctx: Ctx, kind: GroupType, key: str) -> None:
    """Delete one of a group type's specs."""
    await group_types.delete_spec(ctx, kind, key)


GROUP_FILTERS = {
    "name": search.text(Group, "name"),
    "status": search.choice(Group, "status", GroupStatus),
    "group_type": search.text(Group, "group_type_id"),
    "availability_zone": search.text(Group, "availability_zone"),
    "project_id": search.others_project(Group),
    "tenant_id": search.others_project(Group),
}
groups = CountedResource(
    "group",
    "/groups",
    model=Group,
    view=GroupView,
    scope=search.owned(("name", "status", "group_type", "availability_zone", "list_volume")),
    order=ORDER,
    missing=GroupNotFound,
)
groups.list(policy=policy.GROUP_LIST, detail=policy.GROUP_LIST, brief=GroupBrief, since=GROUPS)
groups.show(policy=policy.GROUP_SHOW, since=GROUPS)
for _name, _filter in GROUP_FILTERS.items():
    groups.filter(_name)(_filter)


@groups.create(policy=policy.GROUP_CREATE, status=202, view=GroupBrief, since=GROUPS)
async def create(ctx: Ctx, body: GroupBody) -> Group:
    """Create a group."""
    return await domain.create(ctx, body)


@routes.route(
    "POST",
    "/groups/action",
    policy=policy.GROUP_CREATE,
    action="create-from-src",
    status=202,
    since=SNAPSHOTS,
)
async def create_from_source(ctx: Ctx, body: GroupCopyBody) -> Any:
    """Create a group from another one or from a group snapshot."""
    row = await domain.copy(ctx, body)
    return {"group": (await GroupBrief.render(ctx, [row]))[0]}


@groups.update(policy=policy.GROUP_UPDATE, status=202, since=GROUPS)
async def update(ctx: Ctx, group: Group, body: GroupChange) -> None:
    """Update a group's name, description or volumes."""
    await domain.update(ctx, group, body)


@groups.action("delete", policy=policy.GROUP_DELETE, status=202, since=GROUPS)
async def delete(ctx: Ctx, group: Group, body: GroupDeleteBody) -> None:
    """Delete a group."""
    await domain.delete(ctx, group, with_volumes=body.delete_volumes)


@groups.action("reset_status", policy=policy.GROUP_RESET, status=202, since="3.20")
async def reset_status(ctx: Ctx, group: Group, body: ResetBody) -> None:
    """Set a group's status by hand."""
    await domain.reset(ctx, group, body.status)


@groups.action("enable_replication", policy=policy.GROUP_ENABLE, status=202, since=REPLICATION)
async def enable_replication(ctx: Ctx, group: Group) -> None:
    """Have a group replicated; here no backend replicates."""
    del ctx
    domain.refuse_replication(group)


@groups.action("disable_replication", policy=policy.GROUP_DISABLE, status=202, since=REPLICATION)
async def disable_replication(ctx: Ctx, group: Group) -> None:
    """Have a group replicated no more; here no backend replicates."""
    del ctx
    domain.refuse_replication(group)


@groups.action("failover_replication", policy=policy.GROUP_FAILOVER, status=202, since=REPLICATION)
async def fail_over(ctx: Ctx, group: Group, body: FailoverBody) -> None:
    """Fail a group over to its replica; here no backend replicates."""
    del ctx, body
    domain.refuse_replication(group)


@groups.action("list_replication_targets", policy=policy.GROUP_TARGETS, status=202, since=REPLICATION)
async def list_targets(ctx: Ctx, group: Group) -> None:
    """List where a group is replicated to; here no backend replicates."""
    del ctx
    domain.refuse_replication(group)


SNAPSHOT_FILTERS = {
    "name": search.text(GroupSnapshot, "name"),
    "status": search.choice(GroupSnapshot, "status", GroupSnapshotStatus),
    "group_id": search.text(GroupSnapshot, "group_id"),
    "project_id": search.others_project(GroupSnapshot),
    "tenant_id": search.others_project(GroupSnapshot),
}
snapshots = CountedResource(
    "group_snapshot",
    "/group_snapshots",
    model=GroupSnapshot,
    view=GroupSnapshotView,
    scope=search.owned(("name", "status", "group_id")),
    order=ORDER,
    missing=GroupSnapshotNotFound,
)
_see = policy.GROUP_SNAPSHOT_LIST
snapshots.list(policy=_see, detail=_see, brief=GroupSnapshotBrief, since=SNAPSHOTS)
snapshots.show(policy=policy.GROUP_SNAPSHOT_SHOW, since=SNAPSHOTS)
for _name, _filter in SNAPSHOT_FILTERS.items():
    snapshots.filter(_name)(_filter)


@snapshots.create(policy=policy.GROUP_SNAPSHOT_CREATE, status=202, view=GroupSnapshotCreated, since=SNAPSHOTS)
async def create_snapshot(ctx: Ctx, body: GroupSnapshotBody) -> GroupSnapshot:
    """Take a snapshot of a group."""
    return await group_snapshots.create(ctx, body)


@snapshots.delete(policy=policy.GROUP_SNAPSHOT_DELETE, status=202, since=SNAPSHOTS)
async def delete_snapshot(ctx: Ctx, snapshot: GroupSnapshot) -> None:
    """Delete a group snapshot."""
    await group_snapshots.delete(ctx, snapshot)


@snapshots.action("reset_status", policy=policy.GROUP_SNAPSHOT_RESET, status=202, since="3.19")
async def reset_snapshot_status(ctx: Ctx, snapshot: GroupSnapshot, body: ResetBody) -> None:
    """Set a group snapshot's status by hand."""
    await group_snapshots.reset(ctx, snapshot, body.status)
