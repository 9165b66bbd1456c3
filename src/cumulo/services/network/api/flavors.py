"""Flavors of routers, and the profiles that say what routers of them are like."""

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET, Meta, UnsetType

from cumulo.core.http import Ctx
from cumulo.core.resource import GLOBAL, Body, Computed, Filterable, Resource, Sortable, View
from cumulo.services.network import policy
from cumulo.services.network.api.agents import administrators
from cumulo.services.network.domain import flavors as domain
from cumulo.services.network.errors.flavors import FlavorNotFound, ServiceProfileNotFound
from cumulo.services.network.model import Flavor, FlavorProfile, ServiceProfile
from cumulo.services.network.schema.standard import Name
from cumulo.services.network.schema.views import grouped

Long = Annotated[str, Meta(max_length=1024)]


class FlavorView(View, model=Flavor):
    """A flavor as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    name: Annotated[str, Filterable, Sortable]
    description: Annotated[str, Filterable, Sortable]
    service_type: Annotated[str, Filterable, Sortable]
    enabled: Annotated[bool, Filterable, Sortable]
    service_profiles: Annotated[list[str], Computed(lambda row, page: page.extra[row.id])]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> dict[str, list[str]]:
        """Fetch the ids of all their profiles."""
        pair = FlavorProfile.c
        of_these = pair.flavor_id.in_([row.id for row in rows])
        return await grouped(ctx, sqlalchemy.select(pair.flavor_id, pair.profile_id).where(of_these))


class ProfileView(View, model=ServiceProfile):
    """A profile as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    description: Annotated[str, Filterable, Sortable]
    driver: Annotated[str, Filterable, Sortable]
    metainfo: Annotated[str, Sortable]
    enabled: Annotated[bool, Filterable, Sortable]


class FlavorCreate(Body, kw_only=True):
    """A new flavor."""

    name: Name = ""
    description: Long = ""
    service_type: str
    enabled: bool = True
    service_profiles: list[str] = []


class FlavorUpdate(Body):
    """A changed flavor."""

    name: Name | UnsetType = UNSET
    description: Long | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class ProfileCreate(Body, kw_only=True):
    """A new profile."""

    description: Long = ""
    driver: Long = ""
    metainfo: str = ""
    enabled: bool = True


class ProfileUpdate(Body):
    """A changed profile."""

    description: Long | UnsetType = UNSET
    driver: Long | UnsetType = UNSET
    metainfo: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class ProfileBody(Body, kw_only=True):
    """A profile to let a flavor have."""

    id: str


flavors = Resource("flavor", "/flavors", model=Flavor, view=FlavorView, scope=GLOBAL, missing=FlavorNotFound)
flavors.list(policy=policy.GET_FLAVOR)
flavors.show(policy=policy.GET_FLAVOR)


@flavors.create(policy=policy.CREATE_FLAVOR)
async def create(ctx: Ctx, body: FlavorCreate) -> Flavor:
    """Offer a kind of router."""
    return await domain.create(ctx, body.given() | {"service_type": body.service_type})


@flavors.update(policy=policy.UPDATE_FLAVOR)
async def update(ctx: Ctx, flavor: Flavor, body: FlavorUpdate) -> Flavor:
    """Rename, describe or withdraw a flavor."""
    return await domain.update(ctx, flavor, body.given())


@flavors.delete(policy=policy.DELETE_FLAVOR)
async def delete(ctx: Ctx, flavor: Flavor) -> None:
    """Delete a flavor that no router is of."""
    await domain.delete(ctx, flavor)


@flavors.member(
    "POST", "/service_profiles", policy=policy.BIND_PROFILE, envelope="service_profile", status=201
)
async def bind(ctx: Ctx, flavor: Flavor, body: ProfileBody) -> Any:
    """Let a flavor have a profile."""
    await domain.bind(ctx, flavor, body.id)
    return {"service_profile": {"id": body.id}}


@flavors.member("DELETE", "/service_profiles/{profile_id}", policy=policy.UNBIND_PROFILE, status=204)
async def unbind(ctx: Ctx, flavor: Flavor, profile_id: str) -> None:
    """Take a profile from a flavor."""
    await domain.unbind(ctx, flavor, profile_id)


profiles = Resource(
    "service_profile",
    "/service_profiles",
    model=ServiceProfile,
    view=ProfileView,
    scope=administrators,
    parameter="profile_id",
    missing=ServiceProfileNotFound,
)
profiles.list(policy=policy.GET_PROFILE)
profiles.show(policy=policy.GET_PROFILE)


@profiles.create(policy=policy.CREATE_PROFILE)
async def create_profile(ctx: Ctx, body: ProfileCreate) -> ServiceProfile:
    """Say how a kind of router is made."""
    return await domain.create_profile(ctx, body.given())


@profiles.update(policy=policy.UPDATE_PROFILE)
async def update_profile(ctx: Ctx, row: ServiceProfile, body: ProfileUpdate) -> ServiceProfile:
    """Change a profile that no flavor has."""
    return await domain.update_profile(ctx, row, body.given())


@profiles.delete(policy=policy.DELETE_PROFILE)
async def delete_profile(ctx: Ctx, row: ServiceProfile) -> None:
    """Delete a profile that no flavor has."""
    await domain.delete_profile(ctx, row)
