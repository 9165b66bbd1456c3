"""Transfers of volumes on the wire."""

from datetime import datetime
from typing import Annotated, Any

from cumulo.core.resource import Body, Computed, Since, Sortable, Source, View
from cumulo.services.block_storage.model import Transfer
from cumulo.services.block_storage.schema.bodies import Name, Uuid
from cumulo.services.block_storage.schema.links import SORT_ONLY, links


class TransferBrief(View, model=Transfer):
    """A transfer in a list, and as its acceptance answers with."""

    id: Annotated[str, Sortable]
    volume_id: Annotated[str, Sortable]
    name: Annotated[str | None, Sortable]
    links: Annotated[Any, Computed(lambda row, page: links("os-volume-transfer", row.id, page))]
    created_at: Annotated[datetime, Sortable, SORT_ONLY]


class TransferClassic(TransferBrief, model=Transfer):
    """A transfer as the older calls show it."""

    created_at: Annotated[datetime, Sortable]


class TransferView(TransferClassic, model=Transfer):
    """A transfer with all its details."""

    no_snapshots: Annotated[bool, Since("3.55")]
    source_project_id: Annotated[str, Source("project_id"), Since("3.57")]
    destination_project_id: Annotated[Any, Computed(lambda _row, _page: None), Since("3.57")]
    accepted: Annotated[Any, Computed(lambda _row, _page: False), Since("3.57")]


class TransferBody(Body):
    """Which volume is offered."""

    volume_id: Uuid
    name: Name | None = None
    no_snapshots: Annotated[bool | None, Since("3.55")] = None


class AcceptBody(Body):
    """What proves that one was offered the volume."""

    auth_key: Name
