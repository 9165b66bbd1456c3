"""A server's volumes on the wire."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from cumulo.core.resource import Body, Since, Source, Until, View, Wire
from cumulo.services.compute.model import BlockDeviceMapping
from cumulo.services.compute.schema.catalogue import Flag
from cumulo.services.compute.schema.devices import Tag, Uuid


class VolumeAttachmentView(View, model=BlockDeviceMapping):
    """A volume of a server."""

    id: Annotated[str, Source("volume_id"), Until("2.88")]
    server_id: Annotated[str, Wire("serverId")]
    volume_id: Annotated[str, Wire("volumeId")]
    device: Annotated[str, Source("device_name")]
    tag: Annotated[str | None, Since("2.70")]
    delete_on_termination: Annotated[bool, Since("2.79")]
    attachment_id: Annotated[str | None, Since("2.89")]
    bdm_uuid: Annotated[str, Source("id"), Since("2.89")]


class VolumeAttachmentBody(Body):
    """A volume to attach."""

    volume_id: Uuid = msgspec.field(name="volumeId")
    device: str | UnsetType | None = UNSET
    tag: Annotated[Tag, Since("2.49")] | UnsetType = UNSET
    delete_on_termination: Annotated[Flag, Since("2.79")] | UnsetType = UNSET


class VolumeAttachmentChange(Body):
    """What of an attachment may be updated; all else may only be repeated as it is."""

    volume_id: Uuid = msgspec.field(name="volumeId")
    device: Annotated[str | None, Since("2.85")] | UnsetType = UNSET
    tag: Annotated[str | None, Since("2.85")] | UnsetType = UNSET
    server_id: Annotated[str, Since("2.85")] | UnsetType = msgspec.field(default=UNSET, name="serverId")
    id: Annotated[Any, Since("2.85")] = UNSET
    delete_on_termination: Annotated[Flag, Since("2.85")] | UnsetType = UNSET
