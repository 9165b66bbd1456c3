"""What a host and a guest are told of a server."""

import base64
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from cumulo.contracts.compute import GuestMetadata
from cumulo.contracts.hardware import Hardware
from cumulo.contracts.hypervisor import DiskSpec, GuestSpec, LocalDisk, NicSpec, RescueSpec
from cumulo.contracts.image import ImageRecord, Images
from cumulo.contracts.network import PortBinding, Ports
from cumulo.contracts.placement import Demand
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent
from cumulo.core.errors import NotFound
from cumulo.services.compute import cards, demands, disks, hardware, local_disks, passwords
from cumulo.services.compute.errors import Unshapeable
from cumulo.services.compute.model import Aside, Asked, BlockDeviceMapping, EmbeddedFlavor, Server

P = TypeVar("P")
Use = Callable[[type[P]], P]

UNTOLD = "none"  # Nova's word for an address that it does not know
_BUSES = {"virtio": "pci", "sata": "scsi"}  # what `meta_data.json` calls a disk's bus

_OBJECT = msgspec.json.Decoder(dict[str, Any])
_WORDS = msgspec.json.Decoder(dict[str, str])


_FLAVOR = msgspec.json.Decoder(EmbeddedFlavor)
_ASKED = msgspec.json.Decoder(Asked)
_ASIDE = msgspec.json.Decoder(Aside)


def flavor_of(server: Server) -> EmbeddedFlavor:
    """Return the flavor that a server was made from."""
    return _FLAVOR.decode(server.flavor)


def asked_of(server: Server) -> Asked:
    """Return what was asked for besides what a server's document shows."""
    return _ASKED.decode(server.asked)


def aside_of(server: Server) -> Aside:
    """Return what the server must return to."""
    return _ASIDE.decode(server.aside)


def unrescued(server: Server) -> Aside:
    """Return what is kept aside of a server, but for what it is rescued by."""
    return msgspec.structs.replace(aside_of(server), was=None, rescue_image=None)


def kept_aside(aside: Aside) -> msgspec.Raw:
    """Return what a server must return to, as its row holds it."""
    return msgspec.Raw(msgspec.json.encode(aside))


def metadata_of(server: Server) -> dict[str, str]:
    """Return a server's own metadata."""
    return _WORDS.decode(server.metadata)


def properties_of(server: Server) -> dict[str, Any]:
    """Return the properties of the server's image as they were when it was made."""
    return _OBJECT.decode(server.image_properties)


def bus_of(server: Server) -> str:
    """Return the bus that the server's image wants disks on."""
    bus: str = properties_of(server).get("hw_disk_bus", "virtio")
    return bus


def local_disks_of(server: Server, taken: Sequence[str] = ()) -> tuple[LocalDisk, ...]:
    """Return the disks of the server that are its host's, beside its root; `taken`: its volumes' devices."""
    asked = asked_of(server).local_disks
    return local_disks.of(server, flavor_of(server), asked, bus_of(server), taken)


def lasting_disks(server: Server) -> list[str]:
    """Return the names of the server's local disks whose content lasts: swap's does not."""
    return [disk.name for disk in local_disks_of(server) if disk.format != local_disks.SWAP]


def sized(flavor: EmbeddedFlavor, *, from_volume: bool) -> dict[str, Any]:
    """Return the columns of a server's row that its flavor decides."""
    disk = 0 if from_volume else flavor.disk
    return {
        "flavor": msgspec.Raw(msgspec.json.encode(flavor)),
        "vcpus": flavor.vcpus,
        "memory_mib": flavor.ram,
        "disk_gib": disk + flavor.ephemeral + -(-flavor.swap // 1024),
    }


def hardware_of(server: Server) -> Hardware:
    """Return what the server's machine is made of. Permanent when its flavor and image forbid that."""
    try:
        return _hardware(bytes(server.flavor), bytes(server.image_properties))
    except Unshapeable as error:  # they were checked before; older ones may not have been
        raise Permanent(str(error), public=str(error)) from error


@functools.lru_cache(maxsize=256)
def _hardware(flavor: bytes, properties: bytes) -> Hardware:
    """Return it for the JSON of both: a server in the making is asked again and again."""
    return hardware.of(_FLAVOR.decode(flavor), _OBJECT.decode(properties))


def resources_of(server: Server) -> dict[str, int]:
    """Return what a server takes of its host, by placement's resource classes."""
    size = {"VCPU": server.vcpus, "MEMORY_MB": server.memory_mib, "DISK_GB": server.disk_gib}
    return demands.resources(flavor_of(server), properties_of(server), hardware_of(server), size)


def traits_of(server: Server) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits that a server's host must have, and those it must not."""
    return demands.traits(flavor_of(server), properties_of(server), hardware_of(server))


def groups_of(server: Server) -> list[Demand]:
    """Return the groups of resources that a server's flavor wants served, each by one provider."""
    return demands.groups(flavor_of(server), properties_of(server))


def instance_name(server: Server) -> str:
    """Return the name of the server's guest on its host."""
    return f"instance-{server.id[:8]}"


async def guest_spec(
    db: Reader, use: Use[Any], server: Server, mappings: Sequence[BlockDeviceMapping] = ()
) -> GuestSpec:
    """Gather all that the server's host must know to run its guest, but how it reaches the volumes.

    Network cards that are being detached are left out.
    """
    from_volume = any(mapping.boot_index == 0 for mapping in mappings)
    ports: Ports = use(Ports)
    bindings = await ports.bindings(db, server.id)
    going = await cards.going(db, [binding.port_id for binding in bindings])
    properties = properties_of(server)
    return GuestSpec(
        server_id=server.id,
        name=instance_name(server),
        project_id=server.project_id,
        vcpus=server.vcpus,
        memory_mib=server.memory_mib,
        root=None if from_volume else await root_disk(db, use(Images), server, properties),
        nics=tuple(nic(binding, properties) for binding in bindings if binding.port_id not in going),
        config_drive=await config_drive(db, use, server) if server.config_drive else None,
        machine=properties.get("hw_machine_type"),
        firmware=properties.get("hw_firmware_type", "bios"),
        told={"name": server.name, "flavor": flavor_of(server).original_name},
        rescue=await rescue(db, use(Images), server),
        agent=has_agent(properties),
        hardware=hardware_of(server),
        container=hardware.is_container(properties),
        local_disks=local_disks_of(server, [mapping.device_name for mapping in mappings]),
    )


def has_agent(properties: dict[str, Any]) -> bool:
    """Say whether an image says that QEMU's agent runs in its guests."""
    return str(properties.get("hw_qemu_guest_agent", "no")).lower() in ("yes", "true", "1")


async def root_disk(db: Reader, images: Images, server: Server, properties: dict[str, Any]) -> DiskSpec:
    """Describe the root disk. An image deleted since leaves the disk that was made from it."""
    bus, size = properties.get("hw_disk_bus", "virtio"), flavor_of(server).disk
    image_id = aside_of(server).shelved_image or server.image_id
    if image_id is None:
        return DiskSpec(size_gib=size, bus=bus)
    return disk_from(image_id, await _image(db, images, server, image_id), size, bus)


async def _image(db: Reader, images: Images, server: Server, image_id: str) -> ImageRecord | None:
    try:
        return await images.get(db, image_id, project_id=server.project_id, is_admin=True)
    except NotFound:
        return None


async def rescue(db: Reader, images: Images, server: Server) -> RescueSpec | None:
    """Describe what a server is rescued by, by its image's `hw_rescue_device` and `hw_rescue_bus`."""
    image_id = aside_of(server).rescue_image
    if image_id is None:
        return None
    image = await _image(db, images, server, image_id)
    wishes = image.properties if image is not None else {}
    device, bus = wishes.get("hw_rescue_device"), wishes.get("hw_rescue_bus")
    stable = bool(device or bus)
    bus = str(bus or ("ide" if device == "cdrom" else "virtio")) if stable else bus_of(server)
    return RescueSpec(disk=disk_from(image_id, image, 0, bus), stable=stable, device=str(device or "disk"))


def disk_from(image_id: str, image: ImageRecord | None, size: int, bus: str) -> DiskSpec:
    """Describe a disk made from an image; from one that is gone only a disk that exists already."""
    return DiskSpec(
        image_id=image_id,
        image_path=image.path if image else None,
        image_format=(image.disk_format if image else None) or "qcow2",
        image_digest=(image.digest if image else None) or "",
        size_gib=size,
        bus=bus,
    )


def nic(binding: PortBinding, properties: dict[str, Any]) -> NicSpec:
    """Describe a network card."""
    model = properties.get("hw_vif_model", "virtio")
    return NicSpec(port_id=binding.port_id, mac=binding.mac, mtu=binding.mtu, model=model)


async def guest_metadata(db: Reader, use: Use[Any], server: Server) -> GuestMetadata:
    """Gather what a guest may learn of itself."""
    ports: Ports = use(Ports)
    addresses = (await ports.addresses(db, [server.id])).get(server.id, [])
    groups = (await ports.security_groups(db, [server.id])).get(server.id, [])
    key = asked_of(server).public_key
    four = [address for address in addresses if address.version == 4]  # noqa: PLR2004  IPv4
    return GuestMetadata(
        server_id=server.id,
        name=server.name,
        hostname=server.hostname,
        project_id=server.project_id,
        user_data=base64.b64decode(server.user_data) if server.user_data else None,
        metadata=metadata_of(server),
        keys={server.key_name: key.strip()} if server.key_name and key else {},
        launch_index=server.launch_index,
        availability_zone=server.zone or "",
        flavor_name=flavor_of(server).original_name,
        image_id=server.image_id,
        reservation_id=server.reservation_id,
        created_at=server.created_at.isoformat(),
        local_address=next((a.address for a in four if a.kind == "fixed"), None),
        public_address=next((a.address for a in four if a.kind == "floating"), None),
        security_groups=tuple(groups),
        network_data=await ports.network_data(db, server.id),
        password=server.password,
        files=tuple((file.path, base64.b64decode(file.contents)) for file in asked_of(server).files),
        devices=tagged_devices(await ports.bindings(db, server.id), await disks.of(db, server.id)),
    )


def tagged_devices(
    bindings: Sequence[PortBinding], mappings: Sequence[BlockDeviceMapping]
) -> tuple[dict[str, Any], ...]:
    """Describe the devices that have a tag: a guest finds them by their MAC address, or serial number.

    Where on its bus each lies the guest's host decides, so no address is told.
    """
    nics = [
        {"type": "nic", "bus": "pci", "address": UNTOLD, "mac": binding.mac, "tags": [binding.tag]}
        for binding in bindings
        if binding.tag
    ]
    volumes = [
        {
            "type": "disk",
            "bus": _BUSES.get(mapping.bus, mapping.bus),
            "address": UNTOLD,
            "serial": mapping.volume_id,
            "path": mapping.device_name,
            "tags": [mapping.tag],
        }
        for mapping in mappings
        if mapping.tag and mapping.volume_id and not mapping.detaching
    ]
    return (*nics, *volumes)


async def config_drive(db: Reader, use: Use[Any], server: Server) -> GuestMetadata:
    """Say what is told on a server's config drive: what metadata tells, and once its password."""
    guest = await guest_metadata(db, use, server)
    return msgspec.structs.replace(guest, admin_password=passwords.waiting(use, server))
