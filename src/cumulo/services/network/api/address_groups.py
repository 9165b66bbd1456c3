"""Address groups."""

from typing import Annotated

from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Guarded
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns, owner, usable
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import address_groups as domain
from cumulo.services.network.domain import sharing
from cumulo.services.network.domain.changes import change
from cumulo.services.network.errors import AddressGroupNotFound
from cumulo.services.network.model import AddressGroup
from cumulo.services.network.schema.standard import Described, Redescribed, SharedView


class AddressGroupView(SharedView, model=AddressGroup):
    """An address group as clients see it."""

    addresses: list[str]


class AddressGroupCreate(Described, kw_only=True):
    """A new address group."""

    addresses: list[str] = []
    shared: Annotated[bool, Guarded(policy.CREATE_AG_SHARED)] | UnsetType = UNSET


class AddressGroupUpdate(Redescribed):
    """A changed address group."""


class Addresses(Body, kw_only=True):
    """Addresses to add or take away."""

    addresses: list[str]


groups = StandardResource(
    "address_group",
    "/address-groups",
    model=AddressGroup,
    view=AddressGroupView,
    scope=usable,
    shared=True,
    missing=AddressGroupNotFound,
    quota={"address_group": 1},
)
groups.list(policy=policy.GET_AG)
groups.show(policy=policy.GET_AG)


@groups.create(policy=policy.CREATE_AG)
async def create(ctx: Ctx, body: AddressGroupCreate) -> AddressGroup:
    """Create an address group."""
    group = await domain.create(ctx, owner(ctx, body), columns(body, "shared"))
    if body.shared is True:
        await sharing.share(ctx, group, wanted=True)
    return group


@groups.update(policy=policy.UPDATE_AG)
async def update(ctx: Ctx, group: AddressGroup, body: AddressGroupUpdate) -> AddressGroup:
    """Rename or describe an address group."""
    return await change(ctx.db, group, columns(body))


@groups.delete(policy=policy.DELETE_AG)
async def delete(ctx: Ctx, group: AddressGroup) -> None:
    """Delete an address group that no rule names."""
    await domain.delete(ctx, group)


@groups.member("PUT", "/add_addresses", policy=policy.UPDATE_AG)
async def add(ctx: Ctx, group: AddressGroup, body: Addresses) -> AddressGroup:
    """Add addresses."""
    return await domain.add(ctx, group, body.addresses)


@groups.member("PUT", "/remove_addresses", policy=policy.UPDATE_AG)
async def remove(ctx: Ctx, group: AddressGroup, body: Addresses) -> AddressGroup:
    """Take addresses away."""
    return await domain.remove(ctx, group, body.addresses)
