"""Volume types, who may use them, and how their volumes are encrypted."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Resource
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain import default_types, encryption, search
from cumulo.services.block_storage.domain import types as domain
from cumulo.services.block_storage.domain.volumes import only
from cumulo.services.block_storage.errors import TypeNotFound
from cumulo.services.block_storage.model import VolumeType
from cumulo.services.block_storage.schema.links import instant
from cumulo.services.block_storage.schema.types import (
    DefaultTypeBody,
    EncryptionBody,
    EncryptionChange,
    EncryptionView,
    ProjectBody,
    Specs,
    SpecsBody,
    TypeBody,
    TypeBrief,
    TypeChange,
    TypeCreated,
    TypeView,
)

types = Resource(
    "volume_type",
    "/types",
    model=VolumeType,
    view=TypeView,
    scope=domain.visible,
    parameter="volume_type_id",
    order=("created_at:desc", "id:desc"),
    missing=TypeNotFound,
)
types.list(policy=policy.TYPE_LIST)
types.show(policy=policy.TYPE_SHOW)
types.filter("name")(search.text(VolumeType, "name"))
types.filter("description")(search.text(VolumeType, "description"))
types.filter("extra_specs")(search.items(VolumeType, "extra_specs", "extra_specs"))

routes = RouteSet()


@routes.route("GET", "/types/default", policy=policy.TYPE_SHOW)
async def show_default(ctx: Ctx) -> Any:
    """Show the type of volumes whose request names none."""
    kind = await domain.default_for(ctx.db, ctx.use(BlockStorageSettings), ctx.identity.project_id)
    return {"volume_type": (await TypeView.render(ctx, [kind]))[0]}


@types.create(policy=policy.TYPE_CREATE, status=200, view=TypeCreated)
async def create(ctx: Ctx, body: TypeBody) -> VolumeType:
    """Create a volume type."""
    return await domain.create(ctx, body)


@types.update(policy=policy.TYPE_UPDATE, view=TypeBrief)
async def update(ctx: Ctx, kind: VolumeType, body: TypeChange) -> VolumeType:
    """Update a volume type."""
    return await domain.update(ctx, kind, body)


@types.delete(policy=policy.TYPE_DELETE, status=202)
async def delete(ctx: Ctx, kind: VolumeType) -> None:
    """Delete a volume type that no volume has."""
    await domain.delete(ctx, kind)


@types.member("GET", "/extra_specs", policy=policy.SPECS_LIST)
async def list_specs(ctx: Ctx, kind: VolumeType) -> Any:
    """Show a type's extra specs."""
    return {"extra_specs": domain.seen_specs(ctx, kind)}


@types.member("POST", "/extra_specs", policy=policy.SPECS_CREATE)
async def add_specs(ctx: Ctx, kind: VolumeType, body: SpecsBody) -> Any:
    """Add extra specs to a type."""
    await domain.set_specs(ctx, kind, body.extra_specs)
    return {"extra_specs": body.extra_specs}


@types.member("GET", "/extra_specs/{key}", policy=policy.SPECS_SHOW)
async def show_spec(ctx: Ctx, kind: VolumeType, key: str) -> Any:
    """Show one of a type's extra specs."""
    return domain.spec(domain.seen_specs(ctx, kind), kind, key)


@types.member("PUT", "/extra_specs/{key}", policy=policy.SPECS_UPDATE)
async def set_spec(ctx: Ctx, kind: VolumeType, key: str, body: Specs) -> Any:
    """Set one of a type's extra specs."""
    item = only(key, body)
    await domain.set_specs(ctx, kind, item)
    return item


@types.member("DELETE", "/extra_specs/{key}", policy=policy.SPECS_DELETE, status=202)
async def delete_spec(ctx: Ctx, kind: VolumeType, key: str) -> None:
    """Delete one of a type's extra specs."""
    await domain.delete_spec(ctx, kind, key)


@types.member("GET", "/os-volume-type-access", policy=policy.TYPE_ACCESS_LIST)
async def list_access(ctx: Ctx, kind: VolumeType) -> Any:
    """List the projects that may use a private type."""
    return {"volume_type_access": await domain.projects(ctx, kind)}


@types.action("addProjectAccess", policy=policy.TYPE_ACCESS_ADD, status=202)
async def add_access(ctx: Ctx, kind: VolumeType, body: ProjectBody) -> None:
    """Let a project use a private type."""
    await domain.add_project(ctx, kind, body.project)


@types.action("removeProjectAccess", policy=policy.TYPE_ACCESS_REMOVE, status=202)
async def remove_access(ctx: Ctx, kind: VolumeType, body: ProjectBody) -> None:
    """Keep a project from a private type."""
    await domain.remove_project(ctx, kind, body.project)


@types.member("GET", "/encryption", policy=policy.ENCRYPTION_SHOW)
async def show_encryption(ctx: Ctx, kind: VolumeType) -> Any:
    """Show how a type's volumes are encrypted; nothing when they are not."""
    row = await encryption.of_type(ctx.db, kind.id)
    if row is None:
        return {}
    shape = (await EncryptionView.render(ctx, [row]))[0]
    changed = instant(row.updated_at) if row.updated_at else None
    when = {"created_at": instant(row.created_at), "updated_at": changed}
    return {**shape, **when, "deleted": False, "deleted_at": None}


@types.member("POST", "/encryption", policy=policy.ENCRYPTION_CREATE, envelope="encryption")
async def create_encryption(ctx: Ctx, kind: VolumeType, body: EncryptionBody) -> Any:
    """Have a type's volumes encrypted."""
    row = await encryption.create(ctx, kind, body)
    return {"encryption": (await EncryptionView.render(ctx, [row]))[0]}


@types.member("PUT", "/encryption/{encryption_id}", policy=policy.ENCRYPTION_UPDATE, envelope="encryption")
async def update_encryption(ctx: Ctx, kind: VolumeType, encryption_id: str, body: EncryptionChange) -> Any:
    """Change how a type's volumes are encrypted."""
    return {"encryption": await encryption.update(ctx, kind, encryption_id, body)}


@types.member("DELETE", "/encryption/{encryption_id}", policy=policy.ENCRYPTION_DELETE, status=202)
async def delete_encryption(ctx: Ctx, kind: VolumeType, encryption_id: str) -> None:
    """Encrypt a type's volumes no more."""
    await encryption.delete(ctx, kind, encryption_id)


@types.member("GET", "/encryption/{key}", policy=policy.ENCRYPTION_SHOW)
async def show_encryption_item(ctx: Ctx, kind: VolumeType, key: str) -> Any:
    """Show one word on how a type's volumes are encrypted."""
    return await encryption.item(ctx.db, kind, key)


@routes.route("GET", "/default-types", policy=policy.DEFAULT_TYPE_LIST, since="3.62")
async def list_defaults(ctx: Ctx) -> Any:
    """List the projects that have a default type of their own."""
    return {"default_types": await default_types.every(ctx)}


@routes.route("GET", "/default-types/{project}", policy=policy.DEFAULT_TYPE_SHOW, since="3.62")
async def show_project_default(ctx: Ctx, project: str) -> Any:
    """Show a project's own default type."""
    return {"default_type": await default_types.of_project(ctx, project)}


@routes.route(
    "PUT",
    "/default-types/{project}",
    policy=policy.DEFAULT_TYPE_SET,
    since="3.62",
    envelope="default_type",
)
async def set_project_default(ctx: Ctx, project: str, body: DefaultTypeBody) -> Any:
    """Give a project a default type of its own."""
    return {"default_type": await default_types.put(ctx, project, body.volume_type)}


@routes.route(
    "DELETE", "/default-types/{project}", policy=policy.DEFAULT_TYPE_UNSET, since="3.62", status=204
)
async def unset_project_default(ctx: Ctx, project: str) -> None:
    """Take a project's own default type away."""
    await default_types.unset(ctx, project)
