"""Address scopes."""

from typing import Annotated

from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import Filterable, Guarded
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns, owner, usable
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import address_scopes as domain
from cumulo.services.network.errors import AddressScopeNotFound
from cumulo.services.network.model import AddressScope
from cumulo.services.network.schema.standard import Described, Redescribed, SharedView


class AddressScopeView(SharedView, model=AddressScope):
    """An address scope as clients see it."""

    ip_version: Annotated[int, Filterable]


class AddressScopeCreate(Described, kw_only=True):
    """A new address scope."""

    ip_version: int
    shared: Annotated[bool, Guarded(policy.CREATE_SCOPE_SHARED)] = False


class AddressScopeUpdate(Redescribed):
    """A changed address scope."""

    shared: Annotated[bool, Guarded(policy.UPDATE_SCOPE_SHARED)] | UnsetType = UNSET


scopes = StandardResource(
    "address_scope",
    "/address-scopes",
    model=AddressScope,
    view=AddressScopeView,
    scope=usable,
    shared=True,
    missing=AddressScopeNotFound,
)
scopes.list(policy=policy.GET_SCOPE)
scopes.show(policy=policy.GET_SCOPE)


@scopes.create(policy=policy.CREATE_SCOPE)
async def create(ctx: Ctx, body: AddressScopeCreate) -> AddressScope:
    """Create an address scope."""
    return await domain.create(ctx, owner(ctx, body), columns(body))


@scopes.update(policy=policy.UPDATE_SCOPE)
async def update(ctx: Ctx, scope: AddressScope, body: AddressScopeUpdate) -> AddressScope:
    """Rename, describe or share an address scope."""
    return await domain.update(ctx, scope, columns(body))


@scopes.delete(policy=policy.DELETE_SCOPE)
async def delete(ctx: Ctx, scope: AddressScope) -> None:
    """Delete an address scope that no subnet pool is in."""
    await domain.delete(ctx, scope)
