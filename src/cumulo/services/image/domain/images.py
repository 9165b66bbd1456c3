"""Creating, changing and deleting images."""

from collections.abc import Iterable, Mapping
from typing import Any

from cumulo.core import clock, errors
from cumulo.core.auth import Rule
from cumulo.core.db import become
from cumulo.core.http import Ctx
from cumulo.core.work import Work
from cumulo.services.image import policy, protection
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.domain import quotas
from cumulo.services.image.errors import (
    AttributeReadOnly,
    AttributeReserved,
    ImageExists,
    ImageProtected,
    NoData,
    OwnerFixed,
    TagNotFound,
    TooManyProperties,
    TooManyTags,
)
from cumulo.services.image.model import Image, ImageMember, ImageStatus, ImageTag, Visibility
from cumulo.services.image.schema.images import (
    ATTRIBUTES,
    READ_ONLY,
    RESERVED,
    RESERVED_PREFIX,
    check_attributes,
    check_property,
)
from cumulo.services.image.tasks import REMOVE_BYTES

VISIBILITY_RULES: Mapping[Visibility, Rule] = {
    Visibility.PUBLIC: policy.PUBLICIZE,
    Visibility.COMMUNITY: policy.COMMUNITIZE,
}


async def create_image(ctx: Ctx, sent: Mapping[str, Any]) -> Image:
    """Register an image without data."""
    for name in sent:
        refuse_fixed(name)
    values = check_attributes({name: value for name, value in sent.items() if name in ATTRIBUTES})
    own = {name: check_property(name, value) for name, value in sent.items() if name not in ATTRIBUTES}
    tags = values.pop("tags", [])
    image = Image(**{"owner": ctx.identity.project_id, **values}, properties=own)
    check_owner(ctx, image.owner)
    check_visibility(ctx, image)
    check_counts(ctx, own, tags)
    for name in own:
        protection.check(ctx, name, "create")
    await quotas.claim(ctx, image.owner, {quotas.COUNT: 1})
    try:
        await ctx.db.insert(image)
    except errors.Duplicate as error:
        raise ImageExists(id=image.id) from error
    await write_tags(ctx, image, tags)
    return image


def refuse_fixed(name: str) -> None:
    """Refuse a name that no client may write."""
    if name in READ_ONLY:
        raise AttributeReadOnly(name=name)
    if name in RESERVED or name == "locations" or name.startswith(RESERVED_PREFIX):
        raise AttributeReserved(name=name)


def check_owner(ctx: Ctx, owner: str | None) -> None:
    """Let only an administrator name another owner than the caller's project."""
    if owner != ctx.identity.project_id and not ctx.identity.is_admin:
        raise OwnerFixed


def check_visibility(ctx: Ctx, image: Image) -> None:
    """Hold the caller against the rule of the visibility that an image is to have."""
    rule = VISIBILITY_RULES.get(image.visibility)
    if rule is not None:
        ctx.authorise(rule, image)


def check_counts(ctx: Ctx, properties: Mapping[str, Any], tags: Iterable[str]) -> None:
    """Hold the number of properties and tags against the limits."""
    limits = ctx.use(ImageSettings)
    if len(properties) > limits.property_limit:
        raise TooManyProperties(limit=limits.property_limit)
    if len(set(tags)) > limits.tag_limit:
        raise TooManyTags(limit=limits.tag_limit)


async def write_tags(ctx: Ctx, image: Image, tags: Iterable[str]) -> None:
    """Give an image exactly these tags."""
    await ctx.db.delete(ImageTag, ImageTag.c.image_id == image.id)
    await ctx.db.insert_all([ImageTag(image_id=image.id, value=tag) for tag in sorted(set(tags))])


async def add_tag(ctx: Ctx, image: Image, tag: str) -> None:
    """Add a tag; one that is there already is no error."""
    check_attributes({"tags": [tag]})
    rows = await ctx.db.all(ImageTag, ImageTag.c.image_id == image.id)
    tags = {row.value for row in rows}
    if tag in tags:
        return
    check_counts(ctx, {}, {*tags, tag})
    await ctx.db.insert(ImageTag(image_id=image.id, value=tag))
    await touch(ctx, image)


async def remove_tag(ctx: Ctx, image: Image, tag: str) -> None:
    """Remove a tag. TagNotFound."""
    gone = await ctx.db.delete(ImageTag, ImageTag.c.image_id == image.id, ImageTag.c.value == tag)
    if not gone:
        raise TagNotFound(image_id=image.id, tag=tag)
    await touch(ctx, image)


async def touch(ctx: Ctx, image: Image) -> None:
    """Note that the image changed."""
    image.updated_at = clock.now()
    await ctx.db.save(image, "updated_at")


async def delete_image(work: Work, image: Image) -> None:
    """Take an image from everybody's sight; its bytes go after the commit. ImageProtected."""
    if image.protected:
        raise ImageProtected(id=image.id)
    gone = ImageStatus.PENDING_DELETE
    await become(work.db, Image, image.id, gone, upload_id=None, updated_at=clock.now())
    await work.db.delete(ImageTag, ImageTag.c.image_id == image.id)
    await work.db.delete(ImageMember, ImageMember.c.image_id == image.id)
    work.wake(REMOVE_BYTES)


async def deactivate(ctx: Ctx, image: Image) -> None:
    """Forbid downloads by all but administrators. NoData."""
    await _switch(ctx, image, ImageStatus.DEACTIVATED)


async def reactivate(ctx: Ctx, image: Image) -> None:
    """Allow downloads again. NoData."""
    await _switch(ctx, image, ImageStatus.ACTIVE)


async def _switch(ctx: Ctx, image: Image, to: ImageStatus) -> None:
    if image.status not in (ImageStatus.ACTIVE, ImageStatus.DEACTIVATED):
        raise NoData(id=image.id, status=image.status.value)
    await become(ctx.db, Image, image.id, to, updated_at=clock.now())
