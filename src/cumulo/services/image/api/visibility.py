"""Which images a request may touch, and which a list shows."""

from functools import lru_cache
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
        conditions.append(_seen(ctx.identity.project_id))
    return conditions


@lru_cache(1024)  # each call of a project asks for it, and it takes as long to write as to answer
def _seen(project: str | None) -> Any:
    return _open() | _owned(project) | _shared_with(project, ALL)


def _listed(ctx: Ctx) -> list[Any]:
    asked = _choice(ctx, "visibility", (*Visibility, ALL))
    status = _choice(ctx, "member_status", (*MemberStatus, ALL)) or MemberStatus.ACCEPTED
    hidden = ctx.request.first("os_hidden")
    is_hidden = hidden is not None and as_bool("os_hidden", hidden)
    identity = ctx.identity
    return _shown(identity.project_id, asked, status, is_admin=identity.is_admin, is_hidden=is_hidden)


@lru_cache(1024)  # as `_seen`
def _shown(mine: str | None, asked: str | None, status: str, *, is_admin: bool, is_hidden: bool) -> list[Any]:
    conditions = [Image.c.os_hidden == is_hidden]
    if asked is not None and asked != ALL:
        conditions.append(Image.c.visibility == asked)
    own = sqlalchemy.true() if is_admin else _owned(mine)
    if asked is None:
        community = Image.c.visibility == Visibility.COMMUNITY
        shown = own & ~community if is_admin else own
        public = Image.c.visibility == Visibility.PUBLIC
        return [*conditions, shown | _owned(mine) | public | _shared_with(mine, status)]
    return [*conditions, own | _open() | _shared_with(mine, status)]


def _choice(ctx: Ctx, name: str, choices: tuple[str, ...]) -> str | None:
    value = ctx.request.first(name)
    if value is not None and value not in choices:
        raise BadParameter(field=name, value=value, reason=f"It must be one of {', '.join(choices)}.")
    return value


def _open() -> Any:
    return Image.c.visibility.in_([Visibility.PUBLIC, Visibility.COMMUNITY])


def _owned(project: str | None) -> Any:
    return sqlalchemy.false() if project is None else Image.c.owner == project


@lru_cache(1024)  # as `_seen`
def _shared_with(project: str | None, status: str) -> Any:
    """Images whose owner shares them with a project, which said `status` of them."""
    shared = sqlalchemy.select(ImageMember.c.image_id).where(ImageMember.c.member_id == (project or ""))
    if status != ALL:
        shared = shared.where(ImageMember.c.status == status)
    return (Image.c.visibility == Visibility.SHARED) & Image.c.id.in_(shared)
