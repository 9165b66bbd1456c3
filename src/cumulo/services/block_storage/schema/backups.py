"""Backups on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import select

from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, PageContext, Since, Sortable, View, VisibleTo, Wire
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.model import Backup
from cumulo.services.block_storage.schema.bodies import MaybeUuid, Metadata, Name, Uuid
from cumulo.services.block_storage.schema.links import SORT_ONLY, links


class BackupBrief(View, model=Backup):
    """A backup in a list, and as its creation and change answer with."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    links: Annotated[Any, Computed(lambda row, page: links("backups", row.id, page))]
    status: Annotated[str, Sortable, SORT_ONLY]
    container: Annotated[str, Sortable, SORT_ONLY]
    size: Annotated[int, Sortable, SORT_ONLY]
    volume_id: Annotated[str, Sortable, SORT_ONLY]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]
    updated_at: Annotated[datetime, Sortable, SORT_ONLY]


def _key(row: Backup, _page: PageContext) -> Any:
    return row.encryption_key_id or UNSET


class BackupView(View, model=Backup):
    """A backup with all its details."""

    id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    description: str | None
    status: Annotated[str, Sortable]
    fail_reason: str | None
    volume_id: Annotated[str, Sortable]
    snapshot_id: str | None
    size: Annotated[int, Sortable]
    object_count: int
    container: Annotated[str | None, Sortable]
    availability_zone: str
    is_incremental: Annotated[Any, Computed(lambda row, _page: row.base is not None)]
    has_dependent_backups: Annotated[Any, Computed(lambda row, page: row.id in page.extra)]
    data_timestamp: datetime
    created_at: Annotated[datetime, Sortable]
    updated_at: Annotated[datetime | None, Sortable]
    links: Annotated[Any, Computed(lambda row, page: links("backups", row.id, page))]
    project_id: Annotated[
        str, Wire("os-backup-project-attr:project_id"), Since("3.18"), VisibleTo(policy.BACKUP_PROJECT)
    ]
    metadata: Annotated[msgspec.Raw, Since("3.43")]
    user_id: Annotated[str, Since("3.56")]
    encryption_key: Annotated[Any, Computed(_key, optional=True), Wire("encryption_key_id"), Since("3.64")]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Any]) -> Any:
        """Fetch which backups of a page others build on."""
        wanted = [row.id for row in rows]
        parents = select(Backup.c.parent_id).where(Backup.c.parent_id.in_(wanted)).distinct()
        return {parent for (parent,) in await ctx.db.rows(parents)} if wanted else set()


class BackupBody(Body):
    """What a new backup is of."""

    volume_id: Uuid
    container: Name | None = None
    name: Name | None = None
    description: Name | None = None
    incremental: bool = False
    force: bool = False
    snapshot_id: MaybeUuid | None = None
    metadata: Annotated[Metadata | None, Since("3.43")] = None
    availability_zone: Annotated[Name | None, Since("3.51")] = None


class BackupChange(Body):
    """What of a backup can change."""

    name: Name | UnsetType | None = UNSET
    description: Name | UnsetType | None = UNSET
    metadata: Annotated[Metadata | UnsetType, Since("3.43")] = UNSET


class RestoreBody(Body):
    """Where a backup is restored to: a volume, else a new one of this name."""

    volume_id: MaybeUuid | None = None
    name: Name | None = None


class RecordBody(Body):
    """An exported backup."""

    backup_service: Name
    backup_url: str
