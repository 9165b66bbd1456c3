"""Snapshots on the wire."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from cumulo.core.resource import Body, Computed, PageContext, Since, Sortable, Source, View, VisibleTo, Wire
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.model import Snapshot
from cumulo.services.block_storage.schema.links import SORT_ONLY


def _key(row: Snapshot, _page: PageContext) -> Any:
    return row.encryption_key_id or UNSET


class SnapshotView(View, model=Snapshot):
    """A snapshot."""

    id: Annotated[str, Sortable]
    volume_id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    description: str | None
    status: Annotated[str, Sortable]
    size: Annotated[int, Sortable]
    created_at: Annotated[datetime, Sortable]
    updated_at: Annotated[datetime | None, Sortable]
    metadata: msgspec.Raw
    group_snapshot_id: Annotated[str | None, Since("3.14")]
    user_id: Annotated[str, Since("3.41")]
    encryption_key: Annotated[Any, Computed(_key, optional=True), Wire("encryption_key_id"), Since("3.64")]
    consumes_quota: Annotated[bool, Since("3.65")]
    display_name: Annotated[str, Source("name"), Sortable, SORT_ONLY]
    volume_size: Annotated[int, Source("size"), Sortable, SORT_ONLY]


class SnapshotDetail(SnapshotView, model=Snapshot):
    """A snapshot with all its details."""

    progress: Annotated[
        str, Wire("os-extended-snapshot-attributes:progress"), VisibleTo(policy.SNAPSHOT_EXTENDED)
    ]
    project: Annotated[
        str,
        Source("project_id"),
        Wire("os-extended-snapshot-attributes:project_id"),
        VisibleTo(policy.SNAPSHOT_EXTENDED),
    ]


class SnapshotStatusBody(Body):
    """How a snapshot goes that somebody else takes."""

    status: str
    progress: str | None = None
