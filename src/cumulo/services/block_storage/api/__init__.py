"""Block storage's API: what it declares."""

from cumulo.services.block_storage.api import (
    attachments,
    backups,
    clusters,
    consistency_groups,
    groups,
    management,
    operators,
    qos,
    snapshots,
    transfers,
    types,
    versions,
    volume_actions,
    volumes,
)
from cumulo.services.block_storage.api.dialect import DIALECT

PARTS = (
    versions.routes,
    volumes.routes,
    volume_actions.PART,
    attachments.attachments,
    attachments.routes,
    snapshots.snapshots,
    types.types,
    types.routes,
    qos.specs,
    qos.routes,
    operators.routes,
    operators.messages,
    backups.routes,
    backups.backups,
    transfers.routes,
    transfers.transfers,
    transfers.classic,
    management.routes,
    groups.routes,
    groups.types,
    groups.groups,
    groups.snapshots,
    consistency_groups.routes,
    consistency_groups.consistency_groups,
    consistency_groups.snapshots,
    clusters.routes,
)

__all__ = ["DIALECT", "PARTS"]
