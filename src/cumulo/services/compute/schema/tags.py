"""Tags of a new server's devices: of 2.32, then lost by mistake, and there again since 2.42."""

from msgspec import UnsetType

from cumulo.core.http import Ctx
from cumulo.core.microversions import Version
from cumulo.services.compute.errors import InvalidParameter

SINCE: Version = (2, 32)
NETWORK_TAGS_LOST: tuple[Version, Version] = ((2, 37), (2, 41))
DISK_TAGS_LOST: tuple[Version, Version] = ((2, 33), (2, 41))


def tag_of(ctx: Ctx, tag: str | UnsetType, *, lost: tuple[Version, Version]) -> str | None:
    """Return the tag that was given. InvalidParameter in a version that takes none."""
    if isinstance(tag, UnsetType):
        return None
    version = ctx.version or SINCE
    if version < SINCE or lost[0] <= version <= lost[1]:
        raise InvalidParameter(name="tag", value=tag, reason="Additional properties are not allowed.")
    return tag
