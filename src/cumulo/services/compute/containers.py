"""What a server that is a container cannot, and why: its image says that it is one (`img_hv_type=lxc`)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.contracts.hardware import Hardware
from cumulo.services.compute.errors import NotPossible, Unshapeable
from cumulo.services.compute.hardware import hypervisor_of, is_container
from cumulo.services.compute.model import Server, VmState

_MEMORY = "its memory cannot be written to disk"
_DISK = "no image can be made of its disk"
_PLACE = "its disk and its memory cannot go to another host"
_VOLUMES = "it has no volumes"
_CARDS = "its network cards change only while it is stopped"
CANNOT: Mapping[str, str] = {
    "suspend": _MEMORY,
    "resume": _MEMORY,
    "rescue": "it boots from no disk",
    "trigger_crash_dump": "it has no kernel of its own",
    "get_vnc_console": "it has no screen",
    "os-migrateLive": _PLACE,
    "migrate": _PLACE,
    "createImage": _DISK,
    "createBackup": _DISK,
    "shelve": _DISK,
    "swap_volume": _VOLUMES,
    "attach_volume": _VOLUMES,
    "detach_volume": _VOLUMES,
    "share_attach": _VOLUMES,
}
"""The action, by its name in a server's history, and why not."""

WHILE_STOPPED = frozenset({"attach_interface", "detach_interface"})
_PROPERTIES = msgspec.json.Decoder(dict[str, Any])


def check(server: Server, action: str) -> None:
    """Refuse what a container cannot. NotPossible."""
    reason = CANNOT.get(action)
    if action in WHILE_STOPPED and server.vm_state is not VmState.STOPPED:
        reason = _CARDS
    if reason is not None and is_container(_PROPERTIES.decode(server.image_properties)):
        raise NotPossible(action=action, id=server.id, reason=f"it is a container, and {reason}")


def check_machine(properties: Mapping[str, Any], machine: Hardware, *, has_more_disks: bool) -> None:
    """Refuse a flavor or a request that wants of a container what only machines have. Unshapeable."""
    if not is_container(properties):
        return
    key = "img_hv_type" if properties.get("img_hv_type") else "hypervisor_type"
    if has_more_disks:
        reason = f"{hypervisor_of(properties)} containers have neither volumes nor ephemeral disks nor swap"
        raise Unshapeable(key=key, reason=reason)
    if msgspec.structs.replace(machine, cpu_shares=0, cpu_period=0, cpu_quota=0) != Hardware():
        reason = "of a flavor's limits and devices, containers have quota:cpu_shares, _period and _quota only"
        raise Unshapeable(key=key, reason=reason)
