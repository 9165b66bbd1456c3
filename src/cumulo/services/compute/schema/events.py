"""What other services tell of servers (`os-server-external-events`), on the wire."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.resource import Body
from cumulo.services.compute.schema.devices import Uuid

FAILED = "failed"
NETWORK = frozenset(
    {"network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"}
)
GROWN, REIMAGED = "volume-extended", "volume-reimaged"
SINCE = {GROWN: (2, 51), "power-update": (2, 76), "accelerator-request-bound": (2, 82), REIMAGED: (2, 93)}


class EventBody(Body):
    """Something that happened. `tag` says to what of the server: a port, a volume."""

    server_uuid: Uuid
    name: str
    status: Literal["failed", "completed", "in-progress"] = "completed"
    tag: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


class EventsBody(Body):
    """All that is told at once."""

    events: Annotated[list[EventBody], Meta(min_length=1)]
