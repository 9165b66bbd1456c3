"""The image API: Glance's v2."""

from cumulo.services.image.api import (
    actions,
    appliances,
    caching,
    data,
    discovery,
    images,
    imports,
    members,
    metadefs,
    schemas,
    stores,
    tags,
    tasks,
)
from cumulo.services.image.api.dialect import DIALECT

# Modules add to `images.images` by being imported; these are the parts there are.
PARTS = (
    discovery.routes,
    schemas.routes,
    data.routes,
    images.images,
    stores.routes,
    caching.routes,
    appliances.routes,
    tasks.tasks,
    tasks.routes,
    *metadefs.PARTS,
)

__all__ = ["DIALECT", "PARTS", "actions", "imports", "members", "tags"]
