"""Sharing an image with other projects."""

from cumulo.core import clock, errors
from cumulo.core.http import Ctx
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.errors import (
    MemberExists,
    MemberNotFound,
    NotShared,
    TooManyMembers,
)
from cumulo.services.image.model import Image, ImageMember, MemberStatus, Visibility


async def members_of(ctx: Ctx, image: Image) -> list[ImageMember]:
    """Return whom the image is shared with; a member is shown itself only."""
    where = [ImageMember.c.image_id == image.id]
    if not (ctx.identity.is_admin or ctx.identity.project_id == image.owner):
        where.append(ImageMember.c.member_id == ctx.identity.project_id)
    rows = await ctx.db.all(ImageMember, *where, order_by=[ImageMember.c.created_at])
    return list(rows)


async def member_of(ctx: Ctx, image: Image, member_id: str) -> ImageMember:
    """Return one member that the caller may see. MemberNotFound."""
    visible = ctx.identity.is_admin or ctx.identity.project_id in (image.owner, member_id)
    row = await ctx.db.get(ImageMember, (image.id, member_id)) if visible else None
    if row is None:
        raise MemberNotFound(image_id=image.id, id=member_id)
    return row


async def add_member(ctx: Ctx, image: Image, member_id: str) -> ImageMember:
    """Share an image with a project. NotShared, MemberExists."""
    if image.visibility is not Visibility.SHARED:
        raise NotShared
    limit = ctx.use(ImageSettings).member_limit
    if await ctx.db.count(ImageMember, ImageMember.c.image_id == image.id) >= limit:
        raise TooManyMembers(limit=limit)
    member = ImageMember(image_id=image.id, member_id=member_id)
    try:
        await ctx.db.insert(member)
    except errors.Duplicate as error:
        raise MemberExists(image_id=image.id, id=member_id) from error
    return member


async def answer(ctx: Ctx, image: Image, member_id: str, status: MemberStatus) -> ImageMember:
    """Have a member accept or reject an image. MemberNotFound."""
    member = await member_of(ctx, image, member_id)
    member.status, member.updated_at = status, clock.now()
    await ctx.db.save(member, "status", "updated_at")
    return member


async def remove_member(ctx: Ctx, image: Image, member_id: str) -> None:
    """Stop sharing an image with a project. MemberNotFound."""
    member = await member_of(ctx, image, member_id)
    await ctx.db.delete(
        ImageMember, ImageMember.c.image_id == image.id, ImageMember.c.member_id == member.member_id
    )
