"""Requests to take over what pools hold."""

from typing import Annotated, Any

from msgspec import Meta

from cumulo.core.resource import Body, Since
from cumulo.services.block_storage.schema.bodies import Metadata, Name, Uuid

Host = Annotated[str, Meta(min_length=1, max_length=255)]


class ManageVolumeBody(Body):
    """What lies where, and what it is to be."""

    ref: dict[str, Any]
    host: Host | None = None
    cluster: Annotated[Name | None, Since("3.16")] = None
    name: Name | None = None
    description: Name | None = None
    volume_type: Name | None = None
    availability_zone: Name | None = None
    metadata: Metadata | None = None
    bootable: bool | None = None


class ManageSnapshotBody(Body):
    """What lies in the pool of which volume, and what it is to be."""

    volume_id: Uuid
    ref: dict[str, Any]
    name: Name | None = None
    description: Name | None = None
    metadata: Metadata | None = None
