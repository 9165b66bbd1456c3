"""What clients send to calls that this cloud declines; a wrong body is told so all the same."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from cumulo.core.resource import Body
from cumulo.services.compute.schema.devices import Uuid


class SpiceBody(Body):
    """The SPICE console of the old action."""

    type: Literal["spice-html5"]


class SerialBody(Body):
    """The serial console of the old action."""

    type: Literal["serial"]


class ShareBody(Body):
    """A file share to attach to a server, and by what tag its guest knows it."""

    share_id: Uuid
    tag: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET


class AssistedPart(Body):
    """What a volume driver says of the snapshot that a host is to take."""

    snapshot_id: str
    type: Literal["qcow2"]
    new_file: str
    id: str | UnsetType = UNSET


class AssistedBody(Body):
    """A volume to take a snapshot of."""

    volume_id: Uuid
    create_info: AssistedPart
