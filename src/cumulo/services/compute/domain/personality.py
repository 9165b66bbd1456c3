"""Files that a request puts into a server's file system (until 2.56): the guest fetches and writes them."""

import base64
import binascii
from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from cumulo.core.errors import OverQuota
from cumulo.core.http import Ctx
from cumulo.services.compute.domain.quotas import limit_of
from cumulo.services.compute.errors import BadPersonality
from cumulo.services.compute.model import AskedFile
from cumulo.services.compute.schema.devices import PersonalityFile


async def checked(ctx: Ctx, files: Sequence[PersonalityFile] | UnsetType) -> list[AskedFile]:
    """Return what is to be put into a server. BadPersonality, OverQuota."""
    if files is UNSET or not files:
        return []
    await _limit(ctx, "injected_files", len(files), "Personality file limit exceeded")
    for file in files:
        length, size = len(file.path.encode()), len(contents_of(file))
        await _limit(ctx, "injected_file_path_bytes", length, "Personality file path too long")
        await _limit(ctx, "injected_file_content_bytes", size, "Personality file content too long")
    return [AskedFile(path=file.path, contents=file.contents) for file in files]


def contents_of(file: PersonalityFile | AskedFile) -> bytes:
    """Return a file's content. BadPersonality."""
    try:
        return base64.b64decode(file.contents.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadPersonality(path=file.path) from error


async def _limit(ctx: Ctx, resource: str, count: int, message: str) -> None:
    limit = await limit_of(ctx, resource)
    if 0 <= limit < count:
        raise OverQuota(f"{message}: {count} of {limit}.", resource=resource)
