"""Making servers anew, booting them from another system, and looking into them."""

import asyncio
from typing import Any

import msgspec
import structlog
from msgspec import UNSET

from cumulo.contracts.block_storage import VolumeRecord, Volumes
from cumulo.contracts.hypervisor import Diagnostics, GuestMissing, Hypervisor
from cumulo.contracts.image import ImageRecord
from cumulo.core.bus import Bus, remote
from cumulo.core.drivers import DriverError
from cumulo.core.errors import Unavailable
from cumulo.core.http import Ctx
from cumulo.services.compute import disks, guests, hardware, passwords
from cumulo.services.compute.domain import creation, personality, quotas
from cumulo.services.compute.domain.servers import (
    begin,
    change_power,
    check_access,
    check_lock,
    check_state,
    latest,
    write,
)
from cumulo.services.compute.errors import (
    CannotDiagnose,
    FlavorDiskTooSmall,
    ImageUnacceptable,
    NoAgent,
    RescueUnstable,
    VolumeSmallerThanImage,
)
from cumulo.services.compute.model import Asked, Server, TaskState, VmState
from cumulo.services.compute.schema.bodies import RebuildBody
from cumulo.services.compute.tasks import Change, RebuildServer
from cumulo.services.compute.tasks.moves import is_from_volume

log = structlog.get_logger()

_TELLING: set[asyncio.Task[None]] = set()  # passwords on their way to guests
REIMAGED = (2, 93)  # since which a rebuild writes its image over the volume that a server boots from
QUICK = 30.0  # seconds in which a host answers a mere question
_REBUILT = frozenset({VmState.ACTIVE, VmState.STOPPED, VmState.ERROR})
_LOOKED_INTO = frozenset({VmState.ACTIVE, VmState.PAUSED, VmState.RESCUED, VmState.SUSPENDED})


async def rebuild(ctx: Ctx, server: Server, body: RebuildBody, password: str) -> Server:
    """Promise to make a server's disk anew; return it as it will be. Its config drive tells the password."""
    server = await latest(ctx.db, server)
    check_lock(ctx, server)
    check_state(server, "rebuild", _REBUILT)
    check_access(body)
    image = await creation.image_of(ctx, body.image_ref.rsplit("/", 1)[-1])
    root = await root_volume(ctx, server)
    _check_image(server, image, root)
    changes = await _rebuilt(ctx, server, body)
    over = image.id if root is not None and _is_written_over(ctx, image, root) else ""
    if image.id != server.image_id and (root is None or over):
        properties = msgspec.json.encode(creation.kept(image.properties))
        changes["image_properties"] = msgspec.Raw(properties)
        if root is None:
            changes["image_id"] = image.id
    if server.config_drive:
        asked = msgspec.json.decode(changes.get("asked", server.asked), type=Asked)
        asked.sealed_password = passwords.sealed(ctx.use, server.id, password)
        changes["asked"] = msgspec.Raw(msgspec.json.encode(asked))
    runs = server.vm_state is not VmState.STOPPED
    action = await begin(ctx, server, "rebuild")
    saga = RebuildServer(server_id=server.id, action_id=action, runs=runs, image_id=over)
    operation = await ctx.start(saga)
    rebuilding = TaskState.REBUILDING
    await write(ctx.db, server, task_state=rebuilding, operation=operation, **changes)
    return await latest(ctx.db, server)


async def root_volume(ctx: Ctx, server: Server) -> VolumeRecord | None:
    """Return the volume that a server boots from."""
    found = await disks.of(ctx.db, server.id)
    if not found or found[0].boot_index != 0 or found[0].volume_id is None:
        return None
    return await ctx.use(Volumes).get(ctx.db, found[0].volume_id, project_id=None, is_admin=True)


def _is_written_over(ctx: Ctx, image: ImageRecord, root: VolumeRecord) -> bool:
    """Say whether a rebuild writes the image over the boot volume: before 2.93 it keeps what is there."""
    if ctx.version is not None and ctx.version >= REIMAGED:
        return True
    if root.image_properties.get("image_id") != image.id:
        reason = "Unable to rebuild with a different image for a volume-backed server."
        raise ImageUnacceptable(id=image.id, reason=reason)
    return False


def _check_image(server: Server, image: ImageRecord, root: VolumeRecord | None) -> None:
    flavor = guests.flavor_of(server)
    hardware.of(flavor, creation.kept(image.properties))
    need = max(image.min_disk * creation.GIB, image.virtual_size or image.size or 0)
    if root is not None and image.properties.get("cinder_encryption_key_id"):
        return  # how large it is inside, block storage knows
    if root is not None:
        if need > root.size_gib * creation.GIB:
            raise VolumeSmallerThanImage(size=root.size_gib, need=-(-need // creation.GIB))
        return
    creation.check_plain(image)
    if flavor.disk and need > flavor.disk * creation.GIB:
        raise FlavorDiskTooSmall(have=flavor.disk * creation.GIB, need=need)


async def _rebuilt(ctx: Ctx, server: Server, body: RebuildBody) -> dict[str, Any]:
    """Return what a rebuild changes of a server besides its disk."""
    creation.check_trust(body)
    plain = ("name", "disk_config", "access_ipv4", "access_ipv6", "description", "hostname")
    given = body.given()
    changes = {name: given[name] for name in plain if name in given}
    if body.metadata is not UNSET:
        await quotas.check_metadata(ctx, len(body.metadata))
        changes["metadata"] = body.metadata
    if body.user_data is not UNSET:
        if body.user_data is not None:
            creation.check_user_data(body.user_data)
        changes["user_data"] = body.user_data
    asked = guests.asked_of(server)
    asked.files = await personality.checked(ctx, body.personality)
    if body.key_name is not UNSET:
        keypair = await creation.keypair_of(ctx, UNSET if body.key_name is None else body.key_name)
        asked.public_key = keypair.public_key if keypair is not None else None
        changes["key_name"] = keypair.name if keypair is not None else None
    return {**changes, "asked": msgspec.Raw(msgspec.json.encode(asked))}


async def rescue(ctx: Ctx, server: Server, ref: str | None) -> None:
    """Promise to boot a server from an image in place of its disk: its own image unless another is named."""
    image_id = ref or server.image_id
    image = await creation.image_of(ctx, image_id)
    hardware.check_rescue(image.properties)
    stable = bool(image.properties.get("hw_rescue_device") or image.properties.get("hw_rescue_bus"))
    new_enough = ctx.version is not None and ctx.version >= (2, 87)
    if await is_from_volume(ctx.db, server.id) and not (stable and new_enough):
        raise RescueUnstable(id=server.id)
    kept = msgspec.structs.replace(guests.aside_of(server), was=server.vm_state, rescue_image=image.id)
    aside = guests.kept_aside(kept)
    await change_power(ctx, server, Change.RESCUE, aside=aside)


async def unrescue(ctx: Ctx, server: Server) -> None:
    """Promise to boot a server from its own disk again."""
    await change_power(ctx, server, Change.UNRESCUE, aside=guests.kept_aside(guests.unrescued(server)))


async def change_password(ctx: Ctx, server: Server, password: str) -> None:
    """Set the administrator's password by the agent in the guest. NoAgent when none answers."""
    check_lock(ctx, server)
    check_state(server, "changePassword", frozenset({VmState.ACTIVE}))
    properties = guests.properties_of(server)
    if not guests.has_agent(properties):
        raise NoAgent(id=server.id)
    windows = properties.get("os_type") == "windows"
    user = str(properties.get("os_admin_user") or ("Administrator" if windows else "root"))
    await begin(ctx, server, "changePassword", done=True)
    host, server_id = _host(ctx, server), server.id

    async def tell() -> None:
        try:
            async with asyncio.timeout(QUICK):
                await host.set_password(server_id, user, password)
        except (DriverError, Unavailable, TimeoutError) as error:
            log.warning("server.password_not_set", server_id=server_id, reason=str(error))

    def send() -> None:
        task = asyncio.ensure_future(tell())
        _TELLING.add(task)
        task.add_done_callback(_TELLING.discard)

    ctx.db.after_commit(send)  # it is written nowhere, so nothing durable can carry it


async def diagnostics(ctx: Ctx, server: Server) -> dict[str, Any]:
    """Return what a server's machine counts, as this version of the API shows it."""
    check_state(server, "get_diagnostics", _LOOKED_INTO)
    try:
        found = await _host(ctx, server).diagnose(server.id)
    except (DriverError, GuestMissing, Unavailable) as error:
        raise CannotDiagnose(id=server.id, reason=str(error)) from error
    if ctx.version is not None and ctx.version >= (2, 48):
        return _standard(server, found)
    return _plain(found)


def _host(ctx: Ctx, server: Server) -> Hypervisor:
    return remote(ctx.use(Bus), server.host or "", Hypervisor, timeout=QUICK)


def _standard(server: Server, found: Diagnostics) -> dict[str, Any]:
    """Since 2.48: the same whatever the hypervisor."""
    cpus = [{"id": index, "time": time, "utilisation": None} for index, time in enumerate(found.cpu_times)]
    states = {1: "running", 3: "paused", 4: "shutdown", 6: "crashed", 7: "suspended"}
    return {
        "config_drive": server.config_drive,
        "cpu_details": cpus,
        "disk_details": list(found.disks),
        "driver": "libvirt",
        "hypervisor": "qemu",
        "hypervisor_os": "linux",
        "memory_details": {"maximum": found.memory_maximum, "used": found.memory_used},
        "nic_details": [{**nic, "rx_rate": None, "tx_rate": None} for nic in found.nics],
        "num_cpus": len(found.cpu_times),
        "num_disks": len(found.disks),
        "num_nics": len(found.nics),
        "state": states.get(server.power_state, "pending"),
        "uptime": found.uptime,
    }


def _plain(found: Diagnostics) -> dict[str, Any]:
    """Before 2.48: libvirt's counters by name."""
    shape: dict[str, Any] = {"memory": found.memory_maximum * 1024}
    shape |= {f"cpu{index}_time": time for index, time in enumerate(found.cpu_times)}
    for index, disk in enumerate(found.disks):
        name = f"vd{chr(ord('a') + index)}"
        words = {"read_requests": "read_req", "read_bytes": "read", "write_requests": "write_req"}
        words |= {"write_bytes": "write", "errors_count": "errors"}
        shape |= {f"{name}_{words[key]}": value for key, value in disk.items()}
    for index, nic in enumerate(found.nics):
        counted = {key: value for key, value in nic.items() if key != "mac_address"}
        shape |= {f"vnet{index}_{key.replace('octets', 'bytes')}": n for key, n in counted.items()}
    return shape
