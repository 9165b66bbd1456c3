"""Flavors of routers: names for what routers are like, of which their owners may choose."""

from typing import Any

import msgspec

from cumulo.core.db import Reader
from cumulo.core.http.body import BROKEN
from cumulo.core.work import Work
from cumulo.services.network.errors.flavors import (
    FlavorDisabled,
    FlavorInUse,
    FlavorNotFound,
    FlavorServiceProfileBindingExists,
    FlavorServiceProfileNotFound,
    InvalidMetainfo,
    InvalidServiceType,
    ServiceProfileDriverNotFound,
    ServiceProfileEmpty,
    ServiceProfileInUse,
    ServiceProfileNotFound,
)
from cumulo.services.network.model import Flavor, FlavorProfile, Router, ServiceProfile

ROUTERS, DRIVER = "L3_ROUTER_NAT", "ovn"
KINDS = frozenset({ROUTERS, "CORE", "FLAVORS", "LOG_API", "METERING", "QOS", "TRUNK"})
"""The parts of neutron that there are here; nothing but routers is of a flavor."""

_SAID = ("distributed", "ha")


async def create(work: Work, values: dict[str, Any]) -> Flavor:
    """Offer a kind of router."""
    profiles = values.pop("service_profiles", [])
    if values["service_type"] not in KINDS:
        raise InvalidServiceType(kind=values["service_type"], field="service_type")
    flavor = Flavor(**values)
    await work.db.insert(flavor)
    for profile_id in profiles:
        await bind(work, flavor, profile_id)
    return flavor


async def update(work: Work, flavor: Flavor, values: dict[str, Any]) -> Flavor:
    """Rename, describe or withdraw a flavor; routers of it stay as they are."""
    for name, value in values.items():
        setattr(flavor, name, value)
    if values:
        await work.db.save(flavor, *values)
    return flavor


async def delete(work: Work, flavor: Flavor) -> None:
    """Delete a flavor that no router is of."""
    router = await work.db.one(Router, Router.c.flavor_id == flavor.id)
    if router is not None:
        raise FlavorInUse(id=flavor.id, router_id=router.id)
    await work.db.delete(Flavor, Flavor.c.id == flavor.id)


async def bind(work: Work, flavor: Flavor, profile_id: str) -> None:
    """Let a profile say what routers of a flavor are like."""
    if await work.db.get(ServiceProfile, profile_id) is None:
        raise ServiceProfileNotFound(id=profile_id)
    pair = FlavorProfile.c
    if await work.db.exists(FlavorProfile, pair.flavor_id == flavor.id, pair.profile_id == profile_id):
        raise FlavorServiceProfileBindingExists(id=flavor.id, profile_id=profile_id)
    await work.db.insert(FlavorProfile(flavor_id=flavor.id, profile_id=profile_id))


async def unbind(work: Work, flavor: Flavor, profile_id: str) -> None:
    """Take a profile from a flavor."""
    pair = (FlavorProfile.c.flavor_id == flavor.id, FlavorProfile.c.profile_id == profile_id)
    if not await work.db.exists(FlavorProfile, *pair):
        raise FlavorServiceProfileNotFound(id=flavor.id, which=f" {profile_id}")
    await work.db.delete(FlavorProfile, *pair)


async def create_profile(work: Work, values: dict[str, Any]) -> ServiceProfile:
    """Say how a kind of router is made."""
    row = ServiceProfile(**values)
    _check(row)
    await work.db.insert(row)
    return row


async def update_profile(work: Work, row: ServiceProfile, values: dict[str, Any]) -> ServiceProfile:
    """Change a profile that no flavor has."""
    if set(values) - {"description", "enabled"}:
        await _refuse_used(work.db, row)
    for name, value in values.items():
        setattr(row, name, value)
    _check(row)
    if values:
        await work.db.save(row, *values)
    return row


async def delete_profile(work: Work, row: ServiceProfile) -> None:
    """Delete a profile that no flavor has."""
    await _refuse_used(work.db, row)
    await work.db.delete(ServiceProfile, ServiceProfile.c.id == row.id)


async def _refuse_used(db: Reader, row: ServiceProfile) -> None:
    used = await db.one(FlavorProfile, FlavorProfile.c.profile_id == row.id)
    if used is not None:
        raise ServiceProfileInUse(id=row.id, flavor_id=used.flavor_id)


def _check(row: ServiceProfile) -> None:
    if not row.driver and not row.metainfo:
        raise ServiceProfileEmpty
    if row.driver not in ("", DRIVER):
        raise ServiceProfileDriverNotFound(driver=row.driver)
    said(row)


def said(row: ServiceProfile) -> dict[str, bool]:
    """Return what a profile says of routers: whether they are distributed, and may move. InvalidMetainfo.

    The rest of a profile's text is an operator's own, as drivers of neutron have theirs.
    """
    try:
        read = msgspec.json.decode(row.metainfo or "{}", type=dict[str, Any])
    except (*BROKEN, UnicodeEncodeError):
        return {}
    ours = {name: value for name, value in read.items() if name in _SAID}
    if not all(isinstance(value, bool) for value in ours.values()):
        raise InvalidMetainfo(names=" and ".join(_SAID), field="metainfo")
    return ours


async def routers_of(db: Reader, flavor_id: str) -> dict[str, Any]:
    """Return the values of a new router of a flavor: by its oldest enabled profile."""
    flavor = await db.get(Flavor, flavor_id)
    if flavor is None:
        raise FlavorNotFound(id=flavor_id)
    if flavor.service_type != ROUTERS:
        raise InvalidServiceType(kind=flavor.service_type, field="flavor_id")
    if not flavor.enabled:
        raise FlavorDisabled(id=flavor_id)
    rows = await db.all(FlavorProfile, FlavorProfile.c.flavor_id == flavor_id)
    named = ServiceProfile.c.id.in_([row.profile_id for row in rows])
    order = [ServiceProfile.c.created_at, ServiceProfile.c.id]
    profile = next(iter(await db.all(ServiceProfile, named, ServiceProfile.c.enabled, order_by=order)), None)
    if profile is None:
        raise FlavorServiceProfileNotFound(id=flavor_id, which="")
    return said(profile)
