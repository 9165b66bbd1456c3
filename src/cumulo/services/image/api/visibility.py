"""Which images a request may touch, and which a list shows."""

from typing import Any

import sqlalchemy

from cumulo.core.http import Ctx
from cumulo.core.resource import BadParameter, as_bool
from cumulo.services.image.api.filters import by_properties
from cumulo.services.image.model import Image, ImageMember, ImageStatus, MemberStatus, Visibility

ALL = "all"


def scope(ctx: Ctx, model: Any) -> list[Any]:
    """Scope: what the caller sees; of a list, what it shows unless told otherwise."""
    del model
    conditions: list[Any] = [Image.c.status != ImageStatus.PENDING_DELETE]
    if ctx.operation.lists:
        return [*conditions, *by_properties(ctx), *_listed(ctx)]
    if not ctx.identity.is_admin:
        conditions.append(_open() | _owned(ctx) | _shared_with(ctx, ALL))
    return conditions


def _listed(ctx: Ctx) -> list[Any]:
    asked = _choice(ctx, "visibility", (*Visibility, ALL))
    status = _choice(ctx, "member_status", (*MemberStatus, ALL)) or MemberStatus.ACCEPTED
    hidden = ctx.request.first("os_hidden")
    conditions = [Image.c.os_hidden == (hidden is not None and as_bool("os_hidden", hidden))]
    if asked is not None and asked != ALL:
        conditions.append(Image.c.visibility == asked)
    is_admin = ctx.identity.is_admin
    own = sqlalchemy.true() if is_admin else _owned(ctx)
    if asked is None:
        community = Image.c.visibility == Visibility.COMMUNITY
        shown = own & ~community if is_admin else own
        public = Image.c.visibility == Visibility.PUBLIC
        return [*conditions, shown | _owned(ctx) | public | _shared_with(ctx, status)]
    return [*conditions, own | _open() | _shared_with(ctx, status)]


def _choice(ctx: Ctx, name: str, choices: tuple[str, ...]) -> str | None:
    value = ctx.request.first(name)
    if value is not None and value not in choices:
        raise BadParameter(field=name, value=value, reason=f"It must be one of {', '.join(choices)}.")
    return value


def _open() -> Any:
    return Image.c.visibility.in_([Visibility.PUBLIC, Visibility.COMMUNITY])


def _owned(ctx: Ctx) -> Any:
    project = ctx.identity.project_id
    return sqlalchemy.false() if project is None else Image.c.owner == project


def _shared_with(ctx: Ctx, status: str) -> Any:
    """Images whose owner shares them with the caller's project, which said `status` of them."""
    shared = sqlalchemy.select(ImageMember.c.image_id).where(
        ImageMember.c.member_id == (ctx.identity.project_id or "")
    )
    if status != ALL:
        shared = shared.where(ImageMember.c.status == status)
    return (Image.c.visibility == Visibility.SHARED) & Image.c.id.in_(shared)
