"""Metadata definitions: what properties resources may have, for people and consoles to choose from."""

from cumulo.services.image.api.metadefs import definitions, namespaces, schemas

PARTS = (namespaces.namespaces, namespaces.routes, schemas.routes)

__all__ = ["PARTS", "definitions"]
