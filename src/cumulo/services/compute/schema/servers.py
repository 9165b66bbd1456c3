"""Servers on the wire: every field with the versions that have it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET

from cumulo.core.http import Ctx
from cumulo.core.resource import (
    Computed,
    PageContext,
    Shape,
    Since,
    Sortable,
    Source,
    Until,
    VisibleTo,
    Wire,
)
from cumulo.services.compute import policy
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.model import (
    FAULTY,
    PROGRESSING,
    STATUSES,
    ComputeHost,
    Server,
)
from cumulo.services.compute.model.servers import NONE_OF_THEM
from cumulo.services.compute.schema.instants import without_zone
from cumulo.services.compute.schema.links import links, named, with_properties
from cumulo.services.compute.schema.sorting import SORT_ONLY, ServerKeys

_STATES = ("vm_state", "task_state")


def _status(row: Server, _page: PageContext) -> str:
    return STATUSES[row.vm_state, row.task_state]


def _image(row: Server, page: PageContext) -> Any:
    if row.image_id is None:
        return ""
    return named("images", row.image_id, page.ctx.base_url)


def _image_with_properties(row: Server, page: PageContext) -> Any:
    if row.image_id is None:
        return ""
    return with_properties(row.image_id, bytes(row.image_properties), page.ctx.base_url)


def _flavor_link(row: Server, page: PageContext) -> Any:
    return named("flavors", row.flavor_id, page.ctx.base_url)


def _groups(row: Server, _page: PageContext) -> Any:
    return UNSET if row.security_groups == NONE_OF_THEM else row.security_groups


def _groups_of_servers(row: Server, _page: PageContext) -> list[str]:
    return [row.group_id] if row.group_id is not None else []


def _progress(row: Server, _page: PageContext) -> Any:
    return 0 if STATUSES[row.vm_state, row.task_state] in PROGRESSING else UNSET


def _fault(row: Server, page: PageContext) -> Any:
    """Its `details` are for administrators: they name hosts."""
    if row.fault is None or STATUSES[row.vm_state, row.task_state] not in FAULTY:
        return UNSET
    if b'"details"' not in bytes(row.fault) or page.ctx.identity.is_admin:
        return row.fault
    return {name: value for name, value in msgspec.json.decode(row.fault).items() if name != "details"}


def _launched(row: Server, _page: PageContext) -> Any:
    return None if row.launched_at is None else without_zone(row.launched_at)


def _terminated(row: Server, _page: PageContext) -> Any:
    return None if row.deleted_at is None else without_zone(row.deleted_at)


def _host_status(row: Server, page: PageContext) -> str:
    return page.extra.get(row.host, "") if page.extra and row.host else ""


class ServerBrief(ServerKeys, model=Server):
    """A server in a list."""

    id: Annotated[str, Wire("id")]
    name: str
    links: Annotated[Any, Computed(lambda row, page: links("servers", row.id, page), reads=("id",))]
    key_name: Annotated[str, Sortable, SORT_ONLY]
    user_id: Annotated[str, Sortable, SORT_ONLY]
    locked: Annotated[bool, Sortable, SORT_ONLY]
    config_drive: Annotated[bool, Sortable, SORT_ONLY]


class ServerView(ServerKeys, model=Server):
    """A server with all its details."""

    id: str
    name: str
    status: Annotated[str, Computed(_status, reads=_STATES)]
    tenant_id: Annotated[str, Source("project_id")]
    user_id: Annotated[str, Sortable]
    metadata: msgspec.Raw
    host_word: Annotated[str, Source("host_id"), Wire("hostId")]
    image_old: Annotated[Any, Computed(_image, reads=("image_id",)), Wire("image"), Until("2.97")]
    image: Annotated[
        Any, Computed(_image_with_properties, reads=("image_id", "image_properties")), Since("2.98")
    ]
    flavor_old: Annotated[Any, Computed(_flavor_link, reads=("flavor_id",)), Wire("flavor"), Until("2.46")]
    flavor: Annotated[msgspec.Raw, Since("2.47")]
    created: Annotated[datetime, Source("created_at")]
    updated: Annotated[datetime, Source("updated_at")]
    addresses: msgspec.Raw
    access_v4: Annotated[str, Source("access_ipv4"), Wire("accessIPv4")]
    access_v6: Annotated[str, Source("access_ipv6"), Wire("accessIPv6")]
    links: Annotated[Any, Computed(lambda row, page: links("servers", row.id, page), reads=("id",))]
    disk_config: Annotated[str, Wire("OS-DCF:diskConfig")]
    zone: Annotated[
        str, Computed(lambda row, _p: row.zone or "", reads=("zone",)), Wire("OS-EXT-AZ:availability_zone")
    ]
    config_drive: Annotated[
        str, Computed(lambda row, _p: "True" if row.config_drive else "", reads=("config_drive",)), Sortable
    ]
    key_name: Annotated[str | None, Sortable]
    launched: Annotated[
        Any,
        Computed(_launched, reads=("launched_at",)),
        Wire("OS-SRV-USG:launched_at"),
    ]
    terminated: Annotated[
        Any,
        Computed(_terminated, reads=("deleted_at",)),
        Wire("OS-SRV-USG:terminated_at"),
    ]
    task: Annotated[str | None, Source("task_state"), Wire("OS-EXT-STS:task_state")]
    vm: Annotated[str, Source("vm_state"), Wire("OS-EXT-STS:vm_state")]
    power: Annotated[int, Source("power_state"), Wire("OS-EXT-STS:power_state")]
    volumes_old: Annotated[
        list[Any],
        Computed(lambda row, _p: plain_volumes(row.volumes), reads=("volumes",)),
        Wire("os-extended-volumes:volumes_attached"),
        Until("2.2"),
    ]
    volumes: Annotated[msgspec.Raw, Wire("os-extended-volumes:volumes_attached"), Since("2.3")]
    security_groups: Annotated[Any, Computed(_groups, optional=True, reads=("security_groups",))]
    progress: Annotated[int, Computed(_progress, optional=True, reads=_STATES)]
    fault: Annotated[Any, Computed(_fault, optional=True, reads=("fault", *_STATES))]
    locked: Annotated[bool, Sortable, Since("2.9")]
    host_status: Annotated[
        str, Computed(_host_status, reads=("host",)), Since("2.16"), VisibleTo(policy.SHOW_HOST_STATUS)
    ]
    description: Annotated[str | None, Since("2.19")]
    tags: Annotated[msgspec.Raw, Since("2.26")]
    trusted_image_certificates: Annotated[None, Computed(lambda _r, _p: None, reads=()), Since("2.63")]
    locked_reason: Annotated[str | None, Since("2.73")]
    pinned_availability_zone: Annotated[str | None, Source("requested_zone"), Since("2.96")]
    scheduler_hints: Annotated[msgspec.Raw, Since("2.100")]
    srv_host: Annotated[str | None, Source("host"), Wire("OS-EXT-SRV-ATTR:host"), VisibleTo(policy.EXTENDED)]
    srv_node: Annotated[
        str | None,
        Source("host"),
        Wire("OS-EXT-SRV-ATTR:hypervisor_hostname"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_name: Annotated[
        str,
        Computed(lambda row, _p: f"instance-{row.id[:8]}", reads=("id",)),
        Wire("OS-EXT-SRV-ATTR:instance_name"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_hostname_old: Annotated[
        str,
        Source("hostname"),
        Wire("OS-EXT-SRV-ATTR:hostname"),
        Since("2.3"),
        Until("2.89"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_hostname: Annotated[str, Source("hostname"), Wire("OS-EXT-SRV-ATTR:hostname"), Since("2.90")]
    srv_kernel: Annotated[
        str,
        Computed(lambda _r, _p: "", reads=()),
        Wire("OS-EXT-SRV-ATTR:kernel_id"),
        Since("2.3"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_ramdisk: Annotated[
        str,
        Computed(lambda _r, _p: "", reads=()),
        Wire("OS-EXT-SRV-ATTR:ramdisk_id"),
        Since("2.3"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_index: Annotated[
        int,
        Source("launch_index"),
        Wire("OS-EXT-SRV-ATTR:launch_index"),
        Since("2.3"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_reservation: Annotated[
        str,
        Source("reservation_id"),
        Wire("OS-EXT-SRV-ATTR:reservation_id"),
        Since("2.3"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_root: Annotated[
        str,
        Computed(lambda _r, _p: "/dev/vda", reads=()),
        Wire("OS-EXT-SRV-ATTR:root_device_name"),
        Since("2.3"),
        VisibleTo(policy.EXTENDED),
    ]
    srv_user_data: Annotated[
        str | None,
        Source("user_data"),
        Wire("OS-EXT-SRV-ATTR:user_data"),
        Since("2.3"),
        VisibleTo(policy.EXTENDED),
    ]

    @staticmethod
    async def preload(ctx: Ctx, rows: Sequence[Server]) -> dict[str, str] | None:
        """Fetch the status of the hosts, for those who may see it."""
        del rows
        if ctx.version is None or ctx.version < (2, 16) or not ctx.may(policy.SHOW_HOST_STATUS):
            return None
        silence = ctx.use(ComputeSettings).host_silence
        hosts = await ctx.db.all(ComputeHost)
        return {host.host: host_status(host, silence) for host in hosts}


def host_status(host: ComputeHost, silence: float) -> str:
    """Return a host's status in the word that a server's document has for it."""
    if host.disabled:
        return "MAINTENANCE"
    if host.forced_down:
        return "DOWN"
    return "UP" if host.is_up(silence) else "UNKNOWN"


class ServerShown(ServerView, model=Server):
    """A server by itself: what a list leaves out besides."""

    server_groups: Annotated[list[str], Computed(_groups_of_servers), Since("2.71")]


class ServerUpdated(ServerShown, model=Server):
    """A server as its update answers."""


class ServerRebuilt(ServerShown, model=Server):
    """A server as its rebuild answers."""

    user_data: Annotated[str | None, Since("2.57")]
    srv_user_data: Annotated[  # which a rebuild calls by the name above alone
        str | None,
        Source("user_data"),
        Wire("OS-EXT-SRV-ATTR:user_data"),
        Since("2.3"),
        Until("2.74"),
        VisibleTo(policy.EXTENDED),
    ]


_NOT_IN_UPDATE = ("security_groups", "key_name", "config_drive", "host_status")
_NOT_IN_UPDATE_PREFIXES = ("OS-EXT-", "OS-SRV-USG:", "os-extended-volumes:")


@ServerRebuilt.shim(until="2.74")
def _short_rebuild(shape: Shape) -> Shape:
    """Before 2.75 a rebuild answered without what extensions had added."""
    return {**_short_update(shape), "key_name": shape["key_name"]}


@ServerRebuilt.shim(until="2.53")
def _keyless_rebuild(shape: Shape) -> Shape:
    """Before 2.54 it did not tell of the key, either."""
    return {name: value for name, value in shape.items() if name != "key_name"}


@ServerUpdated.shim(until="2.74")
def _short_update(shape: Shape) -> Shape:
    """Before 2.75 an update answered without what extensions had added."""
    short = {
        name: value
        for name, value in shape.items()
        if name not in _NOT_IN_UPDATE and not name.startswith(_NOT_IN_UPDATE_PREFIXES)
    }
    return {**short, "addresses": plain_addresses(shape["addresses"])}


Lines = dict[str, list[dict[str, Any]]]
_LINES = msgspec.json.Decoder(Lines)


def plain_volumes(volumes: msgspec.Raw) -> list[dict[str, Any]]:
    """Return a server's volumes by their ids alone, as versions before 2.3 show them."""
    if volumes == NONE_OF_THEM:
        return []
    return [{"id": entry["id"]} for entry in msgspec.json.decode(volumes)]


def plain_addresses(addresses: msgspec.Raw) -> Lines:
    """Return a server's addresses by network, without what extensions had added."""
    return {
        label: [{"version": line["version"], "addr": line["addr"]} for line in lines]
        for label, lines in _LINES.decode(addresses).items()
    }
