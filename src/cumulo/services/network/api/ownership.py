"""Whose a resource is, and what of the others' a caller sees."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from msgspec import UNSET
from sqlalchemy import and_, or_, select

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx
from cumulo.services.network.domain import qos, sharing
from cumulo.services.network.domain.addresses import Asked
from cumulo.services.network.errors.qos import PolicyRemoveAuthorizationError, QosPolicyNotFound
from cumulo.services.network.model import EXTERNAL, SHARED, Network, Owner
from cumulo.services.network.schema.bodies import FixedIpBody
from cumulo.services.network.schema.standard import Owned

NOT_COLUMNS = frozenset({"tenant_id", "project_id"})


def owner(ctx: Ctx, body: Owned) -> str:
    """Return the project of a new resource. Invalid when it is not the caller's to say, or is said twice."""
    if UNSET not in (body.project_id, body.tenant_id) and body.project_id != body.tenant_id:
        raise Invalid("'project_id' and 'tenant_id' do not match")
    own = ctx.identity.project_id or ""
    named = own if body.for_project is None else body.for_project
    if named != own and not ctx.identity.is_admin:
        raise Invalid("A 'project_id' or 'tenant_id' other than the token's needs an administrator.")
    return named


def columns(body: Any, *apart: str) -> dict[str, Any]:
    """Return what a body says of plain columns: all that was sent, less owner and `apart`."""
    return {k: v for k, v in body.given().items() if k not in NOT_COLUMNS and k not in apart}


def asked(entries: Any) -> list[Asked] | None:
    """Return `fixed_ips` as the domain reads them; None when the client sent none."""
    if entries is UNSET or entries is None:
        return None
    listed: list[FixedIpBody] = entries
    return [Asked(entry.subnet_id, entry.ip_address) for entry in listed]


async def check_policy(ctx: Ctx, body: Any, before: str | None = None) -> None:
    """Refuse a QoS policy that the caller may not use, be it to follow it or to follow it no longer."""
    if body.qos_policy_id is UNSET or body.qos_policy_id == before:
        return
    identity = ctx.identity
    mine, admin = identity.project_id, identity.is_admin
    if body.qos_policy_id is not None:
        await qos.find(ctx.db, body.qos_policy_id, project_id=mine, is_admin=admin)
    if before is not None:
        try:
            await qos.find(ctx.db, before, project_id=mine, is_admin=admin)
        except QosPolicyNotFound as error:
            raise PolicyRemoveAuthorizationError(id=before) from error


def visible_networks(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: own networks, shared ones, external ones."""
    if ctx.identity.is_admin:
        return ()
    return (sharing.usable(model, ctx.identity.project_id, SHARED, EXTERNAL),)


def usable(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: own ones, and those that others let the caller's project use."""
    return () if ctx.identity.is_admin else (sharing.usable(model, ctx.identity.project_id),)


def on_visible_networks(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: own subnets, and those of own, shared or external networks."""
    return () if ctx.identity.is_admin else _on_visible_networks(model, ctx.identity.project_id)


@lru_cache(1024)  # as `sharing.usable`
def _on_visible_networks(model: Any, mine: str | None) -> Sequence[Any]:
    seen = select(Network.c.id).where(sharing.usable(Network, mine, SHARED, EXTERNAL))
    return (or_(model.c.project_id == mine, model.c.network_id.in_(seen)),)


def on_own_networks(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: own ports, and those of others on own networks; what metadata comes by is nobody's."""
    return () if ctx.identity.is_admin else _on_own_networks(model, ctx.identity.project_id)


@lru_cache(1024)  # as `sharing.usable`
def _on_own_networks(model: Any, mine: str | None) -> Sequence[Any]:
    owned = select(Network.c.id).where(Network.c.project_id == mine)
    others = and_(model.c.network_id.in_(owned), model.c.device_owner != Owner.METADATA.value)
    return (or_(model.c.project_id == mine, others),)
