"""The image API: Glance's v2."""

from cumulo.services.image.api import actions, data, discovery, images, members, schemas, tags
from cumulo.services.image.api.dialect import DIALECT

# Modules add to `images.images` by being imported; these are the parts there are.
PARTS = (discovery.routes, schemas.routes, data.routes, images.images)

__all__ = ["DIALECT", "PARTS", "actions", "members", "tags"]
