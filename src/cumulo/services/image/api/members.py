"""The projects that an image is shared with."""

from typing import Any

from cumulo.core.http import Ctx
from cumulo.services.image import policy
from cumulo.services.image.api.images import images
from cumulo.services.image.domain import members as domain
from cumulo.services.image.model import Image, ImageMember
from cumulo.services.image.schema.images import MemberCreate, MemberUpdate, MemberView


def meant(ctx: Ctx) -> dict[str, Any]:
    """Return what a change is held against: the image's owner, and the member that the path names."""
    return {"project_id": ctx.target.owner, "owner": ctx.target.owner, **ctx.params}


def asking(ctx: Ctx) -> dict[str, Any]:
    """Return what a read is held against: the caller as a member, for it is shown nobody else."""
    return {**meant(ctx), "member_id": ctx.identity.project_id}


@images.member("GET", "/members", policy=policy.GET_MEMBERS, target=asking)
async def list_members(ctx: Ctx, image: Image) -> dict[str, Any]:
    """List the projects that an image is shared with."""
    found = await MemberView.render(ctx, await domain.members_of(ctx, image))
    return {"members": found, "schema": "/v2/schemas/members"}


@images.member("POST", "/members", policy=policy.ADD_MEMBER, view=MemberView)
async def add_member(ctx: Ctx, image: Image, body: MemberCreate) -> ImageMember:
    """Share an image with a project."""
    return await domain.add_member(ctx, image, body.member)


@images.member("GET", "/members/{member_id}", policy=policy.GET_MEMBER, target=asking, view=MemberView)
async def show_member(ctx: Ctx, image: Image, member_id: str) -> ImageMember:
    """Show a project that an image is shared with."""
    return await domain.member_of(ctx, image, member_id)


@images.member("PUT", "/members/{member_id}", policy=policy.MODIFY_MEMBER, target=meant, view=MemberView)
async def update_member(ctx: Ctx, image: Image, member_id: str, body: MemberUpdate) -> ImageMember:
    """Accept or reject a shared image."""
    return await domain.answer(ctx, image, member_id, body.status)


@images.member("DELETE", "/members/{member_id}", policy=policy.DELETE_MEMBER, status=204)
async def remove_member(ctx: Ctx, image: Image, member_id: str) -> None:
    """Stop sharing an image with a project."""
    await domain.remove_member(ctx, image, member_id)
