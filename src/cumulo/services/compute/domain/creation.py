"""Creating servers: everything that can be refused is refused here, before anything is promised."""

import base64
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType

from cumulo.contracts.image import ImageRecord, Images
from cumulo.contracts.network import NetworkRequest
from cumulo.core import ids
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx
from cumulo.services.compute import containers, guests, hardware, history, passwords, policy
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain import (
    block_devices,
    flavors,
    keypairs,
    local_disks,
    personality,
    quotas,
    requested_networks,
)
from cumulo.services.compute.domain import groups as server_groups
from cumulo.services.compute.domain.servers import check_access
from cumulo.services.compute.errors import (
    BadServerCounts,
    BadUserData,
    FlavorDiskTooSmall,
    FlavorMemoryTooSmall,
    FlavorNotFound,
    FlavorRefUnknown,
    HostUnknown,
    ImageNotActive,
    ImageRefUnknown,
    ImageUnacceptable,
    InvalidParameter,
    KeypairNotFound,
    KeypairUnknown,
    TrustedNowhere,
    UserDataTooLarge,
    ZeroDisk,
    ZoneUnknown,
)
from cumulo.services.compute.model import (
    Asked,
    AskedFile,
    ComputeHost,
    EmbeddedFlavor,
    Flavor,
    Keypair,
    Server,
)
from cumulo.services.compute.model.servers import AskedDisk
from cumulo.services.compute.schema.bodies import USER_DATA_LIMIT, RebuildBody, ServerBody
from cumulo.services.compute.schema.catalogue import is_true
from cumulo.services.compute.schema.devices import BlockDevice
from cumulo.services.compute.tasks import CreateServer

GIB = 1024**3
_PASSWORD_LETTERS = string.ascii_letters + string.digits
_NOT_SHOWN = frozenset({"signature_verified"})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A request for servers, checked."""

    body: ServerBody
    flavor: Flavor
    image: ImageRecord | None
    disks: list[block_devices.Disk]
    from_volume: bool  # one of them is what to boot from
    properties: Mapping[str, object]  # of the image, or of the volume's
    keypair: Keypair | None
    networks: list[NetworkRequest]
    security_group_ids: list[str]
    zone: str | None
    host: str | None
    count: int
    hints: dict[str, object]
    local_disks: list[AskedDisk]
    files: list[AskedFile]


async def create(ctx: Ctx, body: ServerBody, password: str) -> list[Server]:
    """Check a request, write down its servers and promise them. Config drives hold the password."""
    plan = await check(ctx, body)
    flavor = plan.flavor
    await ctx.claim(
        {
            "instances": plan.count,
            "cores": plan.count * flavor.vcpus,
            "ram": plan.count * flavor.memory_mib,
        }
    )
    reservation = f"r-{''.join(secrets.choice(string.digits + 'abcdefghij') for _ in range(8))}"
    servers = [row(ctx, plan, index, reservation, password) for index in range(plan.count)]
    for server in servers:
        await ctx.db.insert(server)
        await block_devices.write(ctx, server, plan.disks)
        action = await history.begin(
            ctx, server.id, "create", user_id=server.user_id, project_id=server.project_id
        )
        saga = CreateServer(server_id=server.id, action_id=action, volumes=bool(plan.disks))
        server.operation = await ctx.start(saga)
        await ctx.db.save(server, "operation")
    return servers


async def check(ctx: Ctx, body: ServerBody) -> Plan:
    """Hold a request against all that it names."""
    await check_words(ctx, body)
    count = count_of(body)
    flavor = await flavor_of(ctx, str(body.flavor_ref))
    image, disks = await sources(ctx, body, count)
    root = await block_devices.root_of(ctx, disks, image)
    if root is not None:
        check_memory(flavor, root.image or image)
    elif image is not None:
        if flavor.root_gib == 0 and not ctx.may(policy.ZERO_DISK):
            raise ZeroDisk
        check_fit(flavor, image)
    properties = image.properties if image is not None else {}
    properties = root.properties if root is not None else properties
    machine, local = hardware.of(embedded(flavor), kept(properties)), local_disks.asked(body, flavor)
    more = bool(disks or local or flavor.ephemeral_gib or flavor.swap_mib)
    containers.check_machine(properties, machine, has_more_disks=more)
    zone, host = await destination(ctx, body)
    networks, groups = await requested_networks.resolved(ctx, body, count)
    hints = await server_groups.hints_of(ctx)
    if "group" in hints:
        await server_groups.check_members(ctx, str(hints["group"]), count)
    return Plan(
        body=body,
        flavor=flavor,
        image=image if root is None else None,
        disks=disks,
        from_volume=root is not None,
        properties=properties,
        keypair=await keypair_of(ctx, body.key_name),
        networks=networks,
        security_group_ids=groups,
        zone=zone,
        host=host,
        count=count,
        hints=hints,
        local_disks=local,
        files=await personality.checked(ctx, body.personality),
    )


async def sources(
    ctx: Ctx, body: ServerBody, count: int
) -> tuple[ImageRecord | None, list[block_devices.Disk]]:
    """Return the image that the request names, and the volumes that it or the image asks for.

    An image made of a server that had volumes has no data: it says which volumes to make.
    """
    ref = image_ref(body)
    if ref is None:
        disks = await block_devices.check(ctx, body, [], has_image=False, count=count)
        return (None, disks) if disks else (await image_of(ctx, None), [])
    image = await image_of(ctx, ref)
    inherited = block_devices.inherited(image)
    disks = await block_devices.check(ctx, body, inherited, has_image=not inherited, count=count)
    return image, disks


async def check_words(ctx: Ctx, body: ServerBody) -> None:
    """Hold a request against itself: what it says, whatever there is."""
    check_access(body)
    check_trust(body)
    if body.user_data is not UNSET and body.user_data is not None:
        check_user_data(body.user_data)
    if body.metadata is not UNSET:
        await quotas.check_metadata(ctx, len(body.metadata))


def check_trust(body: ServerBody | RebuildBody) -> None:
    """Refuse certificates that nobody would hold the image's signature against. TrustedNowhere."""
    if body.trusted_image_certificates:
        raise TrustedNowhere


def check_user_data(user_data: str) -> None:
    """Refuse user data that is too long or no base 64."""
    if len(user_data) > USER_DATA_LIMIT:
        raise UserDataTooLarge(length=len(user_data), limit=USER_DATA_LIMIT)
    try:
        base64.b64decode(user_data, validate=False)
        valid = re.fullmatch(r"[A-Za-z0-9+/=\s]*", user_data) is not None
    except ValueError:  # binascii.Error is one, and so is what is said of letters beyond ASCII
        valid = False
    if not valid:
        raise BadUserData


def count_of(body: ServerBody) -> int:
    """Return how many servers to create: as many as may be."""
    least = 1 if body.min_count is UNSET else int(body.min_count)
    most = least if body.max_count is UNSET else int(body.max_count)
    if least > most:
        raise BadServerCounts
    return most


async def flavor_of(ctx: Ctx, id: str) -> Flavor:
    """Return the flavor asked for. FlavorRefUnknown."""
    try:
        return await flavors.find(ctx.db, ctx.identity, id.rsplit("/", 1)[-1])
    except FlavorNotFound as error:
        raise FlavorRefUnknown(id=id) from error


def image_ref(body: ServerBody) -> str | None:
    """Return the id of the image to boot from: by `imageRef`, or by a mapping that means the same."""
    ref = body.image_ref if isinstance(body.image_ref, str) else ""
    devices = [] if body.block_device_mapping_v2 is UNSET else body.block_device_mapping_v2
    plain = [str(device.uuid) for device in devices if is_plain_image(device)]
    ref = ref or (plain[0] if plain else "")
    return ref.rsplit("/", 1)[-1] or None


def is_plain_image(device: BlockDevice) -> bool:
    """Say whether a mapping's entry is just the image on the server's own root disk."""
    local = device.destination_type in ("local", UNSET)
    return device.source_type == "image" and local and str(device.boot_index) == "0"


async def image_of(ctx: Ctx, id: str | None) -> ImageRecord:
    """Return the image to boot from. ImageRefUnknown, ImageNotActive."""
    if id is None:
        reason = "Give the image to boot from."
        raise InvalidParameter(name="imageRef", value="", reason=reason)
    identity = ctx.identity
    try:
        image = await ctx.use(Images).get(
            ctx.db, id, project_id=identity.project_id, is_admin=identity.is_admin
        )
    except NotFound as error:
        raise ImageRefUnknown(id=id) from error
    if image.status != "active":
        raise ImageNotActive(id=id, status=image.status)
    return image


def check_fit(flavor: Flavor, image: ImageRecord) -> None:
    """Refuse a flavor that is too small for the image; a disk of 0 takes the image's own size."""
    check_plain(image)
    check_memory(flavor, image)
    if flavor.root_gib == 0:
        return
    need = max(image.min_disk * GIB, image.virtual_size or image.size or 0)
    if need > flavor.root_gib * GIB:
        raise FlavorDiskTooSmall(have=flavor.root_gib * GIB, need=need)


def check_plain(image: ImageRecord) -> None:
    """Refuse an image whose bytes only block storage can open. ImageUnacceptable."""
    if image.properties.get("cinder_encryption_key_id"):
        reason = "a disk of a host cannot be made of the image of an encrypted volume."
        raise ImageUnacceptable(id=image.id, reason=reason)


def check_memory(flavor: Flavor, image: ImageRecord | None) -> None:
    """Refuse a flavor with too little memory for the image."""
    if image is not None and image.min_ram > flavor.memory_mib:
        raise FlavorMemoryTooSmall(have=flavor.memory_mib, need=image.min_ram)


async def keypair_of(ctx: Ctx, name: str | UnsetType) -> Keypair | None:
    """Return the caller's keypair. KeypairUnknown."""
    if name is UNSET:
        return None
    try:
        return await keypairs.find(ctx.db, ctx.identity.user_id or "", str(name))
    except KeypairNotFound as error:
        raise KeypairUnknown from error


async def destination(ctx: Ctx, body: ServerBody) -> tuple[str | None, str | None]:
    """Return the zone and the host asked for: `zone`, `zone:host` (also `zone:host:node`), `host`."""
    asked = "" if body.availability_zone is UNSET else body.availability_zone
    zone, _, rest = asked.partition(":")
    host = rest.partition(":")[0] or rest.partition(":")[2]
    if host:
        ctx.authorise(policy.CREATE_ON_HOST)
    wanted = {str(name) for name in (body.host, body.hypervisor_hostname) if name is not UNSET}
    if wanted:
        ctx.authorise(policy.CREATE_AT)
        host = host or wanted.pop()
    rows = await ctx.db.all(ComputeHost) if zone or host else []
    zones = {row.zone for row in rows} | {ctx.use(ComputeSettings).default_zone}
    if zone and zone not in zones:
        raise ZoneUnknown
    if host and (host not in {row.host for row in rows} or wanted - {host}):
        raise HostUnknown(host=host)
    return zone or None, host or None


def row(ctx: Ctx, plan: Plan, index: int, reservation: str, password: str) -> Server:
    """Return the row of one of the servers asked for."""
    body, flavor = plan.body, plan.flavor
    name = f"{body.name}-{index + 1}" if plan.count > 1 else body.name
    server_id, has_drive = ids.dashed(), is_true(body.config_drive)
    return Server(
        id=server_id,
        project_id=ctx.identity.project_id or "",
        user_id=ctx.identity.user_id or "",
        name=name,
        hostname=chosen_hostname(body, index, plan.count) or hostname_of(name, server_id),
        description=description_of(ctx, body, name),
        image_id=plan.image.id if plan.image else None,
        image_properties=_raw(kept(plan.properties)),
        flavor_id=flavor.id,
        **guests.sized(embedded(flavor), from_volume=plan.from_volume),
        key_name=plan.keypair.name if plan.keypair else None,
        zone=plan.zone,
        requested_zone=plan.zone,
        asked=_raw(
            Asked(
                networks=plan.networks,
                security_group_ids=plan.security_group_ids,
                host=plan.host,
                public_key=plan.keypair.public_key if plan.keypair else None,
                local_disks=plan.local_disks,
                sealed_password=passwords.sealed(ctx.use, server_id, password) if has_drive else "",
                files=plan.files,
            )
        ),
        metadata=_raw({} if body.metadata is UNSET else body.metadata),
        tags=_raw([] if body.tags is UNSET else sorted(set(body.tags))),
        user_data=body.user_data if isinstance(body.user_data, str) else None,
        config_drive=has_drive,
        disk_config="MANUAL" if body.disk_config is UNSET else body.disk_config,
        access_ipv4="" if body.access_ipv4 is UNSET else body.access_ipv4,
        access_ipv6="" if body.access_ipv6 is UNSET else body.access_ipv6,
        reservation_id=reservation,
        launch_index=index,
        scheduler_hints=_raw(plan.hints),
        group_id=str(plan.hints["group"]) if "group" in plan.hints else None,
    )


def description_of(ctx: Ctx, body: ServerBody, name: str) -> str | None:
    """Return the new server's description; before 2.19 it is the name."""
    if ctx.version is not None and ctx.version < (2, 19):
        return name
    return body.description if isinstance(body.description, str) else None


def embedded(flavor: Flavor) -> EmbeddedFlavor:
    """Return what a server keeps of its flavor."""
    return EmbeddedFlavor(
        vcpus=flavor.vcpus,
        ram=flavor.memory_mib,
        disk=flavor.root_gib,
        ephemeral=flavor.ephemeral_gib,
        swap=flavor.swap_mib,
        original_name=flavor.name,
        extra_specs=flavor.extra_specs,
    )


def kept(properties: Mapping[str, object]) -> dict[str, object]:
    """Return what a server keeps of its image's properties."""
    return {name: value for name, value in properties.items() if name not in _NOT_SHOWN}


def chosen_hostname(body: ServerBody, index: int, count: int) -> str | None:
    """Return the hostname that the request gave, numbered where it asks for several servers."""
    if not isinstance(body.hostname, str):
        return None
    return f"{body.hostname}-{index + 1}" if count > 1 else body.hostname


def hostname_of(name: str, id: str) -> str:
    """Turn a server's name into what its guest may be called."""
    ascii_name = name.encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-zA-Z0-9-]", "", re.sub(r"[ _.]", "-", ascii_name))
    return plain.lower().strip("-")[:63].rstrip("-") or f"server-{id}"


def password(length: int = 12) -> str:
    """Return a new administrator's password."""
    return "".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(length))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
