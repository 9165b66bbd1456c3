"""Volumes, snapshots, networks and floating IPs in the words that compute had for them until 2.35."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cumulo.contracts.block_storage import ShownSnapshot, ShownVolume
from cumulo.contracts.network import ShownFloatingIp, ShownNetwork
from cumulo.core.resource import Body
from cumulo.services.compute.schema.catalogue import Flag
from cumulo.services.compute.schema.devices import Uuid
from cumulo.services.compute.schema.instants import without_zone

Words = Annotated[str, Meta(max_length=255)]
Size = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,8}$(?!\n)")]


class FormerVolumeBody(Body):
    """A volume to create."""

    size: Size
    display_name: Words | UnsetType | None = UNSET
    display_description: Words | UnsetType | None = UNSET
    volume_type: Words | UnsetType | None = UNSET
    availability_zone: Words | UnsetType | None = UNSET
    snapshot_id: Uuid | UnsetType | None = UNSET
    metadata: dict[Words, Words] | UnsetType | None = UNSET


class FormerSnapshotBody(Body):
    """A snapshot to take."""

    volume_id: Uuid
    display_name: Words | UnsetType | None = UNSET
    display_description: Words | UnsetType | None = UNSET
    force: Flag | UnsetType = UNSET


def volume_document(volume: ShownVolume) -> dict[str, Any]:
    """Return a volume; without attachments it has one that says nothing."""
    attachments: list[dict[str, str]] = [
        {"id": volume.id, "volumeId": volume.id, "serverId": held.server_id, "device": held.device or ""}
        for held in volume.attachments
    ]
    return {
        "id": volume.id,
        "displayName": volume.name,
        "displayDescription": volume.description,
        "size": volume.size_gib,
        "status": volume.status,
        "availabilityZone": volume.zone,
        "createdAt": without_zone(volume.created_at),
        "volumeType": volume.volume_type,
        "snapshotId": volume.snapshot_id,
        "metadata": volume.metadata,
        "attachments": attachments or [{}],
    }


def snapshot_document(snapshot: ShownSnapshot) -> dict[str, Any]:
    """Return a snapshot."""
    return {
        "id": snapshot.id,
        "volumeId": snapshot.volume_id,
        "displayName": snapshot.name,
        "displayDescription": snapshot.description,
        "size": snapshot.size_gib,
        "status": snapshot.status,
        "createdAt": without_zone(snapshot.created_at),
    }


def given(value: Any) -> Any:
    """Return a field's value; None when it was not given."""
    return None if value is msgspec.UNSET else value


class FloatingIpOrder(Body):
    """The pool to take a floating IP of."""

    pool: str | UnsetType | None = UNSET


# Of what a network of Nova's own had, one of the network service has an id and a name; the rest is null.
_OF_NETWORKS = (
    *("cidr", "netmask", "gateway", "broadcast", "dns1", "dns2"),
    *("cidr_v6", "gateway_v6", "netmask_v6"),
)
_FOR_ADMINISTRATORS = (
    *("created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan", "project_id"),
    *("vpn_public_address", "vpn_public_port", "vpn_private_address", "dhcp_start", "host", "multi_host"),
    *("bridge_interface", "priority", "rxtx_base", "mtu", "dhcp_server", "enable_dhcp", "share_address"),
)


def network_document(network: ShownNetwork, *, full: bool) -> dict[str, Any]:
    """Return a network; `full`: with the fields that only administrators had."""
    names = (*_OF_NETWORKS, *_FOR_ADMINISTRATORS) if full else _OF_NETWORKS
    return {"id": network.id, "label": network.name, **dict.fromkeys(names)}


def project_network_document(network: ShownNetwork) -> dict[str, str]:
    """Return a network in the few words of `os-tenant-networks`, where no range was the word `None`."""
    return {"id": network.id, "cidr": "None", "label": network.name}


def floating_ip_document(found: ShownFloatingIp) -> dict[str, Any]:
    """Return a floating IP."""
    return {
        "id": found.id,
        "ip": found.address,
        "pool": found.pool,
        "fixed_ip": found.fixed_address,
        "instance_id": found.server_id,
    }
