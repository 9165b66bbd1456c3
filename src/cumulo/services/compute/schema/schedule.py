"""A server that nobody asks for, to learn where it would go."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.resource import Body
from cumulo.services.compute.schema.catalogue import Name


class Question(Body):
    """What a server would be. `project_id`: whose; the caller's when it is not said."""

    flavor: Annotated[str, Meta(min_length=1, max_length=255)]
    image: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    project_id: Annotated[str, Meta(max_length=255)] | None = None
    zone: Name | None = None
    host: Name | None = None
    boots_from_volume: bool = False
    hints: dict[str, Any] | UnsetType = UNSET
