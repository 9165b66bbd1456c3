"""Work that goes on without a request: imports, copies between stores, tidying up."""

from cumulo.services.image.tasks.appliances import ImportAppliance, Piece
from cumulo.services.image.tasks.bytes import (
    REMOVE_BYTES,
    forget_tasks,
    give_up_uploads,
    lease,
    remove_bytes,
    remove_strays,
)
from cumulo.services.image.tasks.caching import FILL_CACHE, fill_cache
from cumulo.services.image.tasks.copies import CopyImage
from cumulo.services.image.tasks.imports import ImportImage

__all__ = [
    "FILL_CACHE",
    "REMOVE_BYTES",
    "CopyImage",
    "ImportAppliance",
    "ImportImage",
    "Piece",
    "fill_cache",
    "forget_tasks",
    "give_up_uploads",
    "lease",
    "remove_bytes",
    "remove_strays",
]
