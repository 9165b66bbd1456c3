"""Zones, and compute's services as operators see them: one a host, and two of the process that answers."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from cumulo.contracts.placement import Placement
from cumulo.core import clock
from cumulo.core.errors import Conflict, Invalid, NotFound
from cumulo.core.http import Ctx
from cumulo.core.tasks import Tasks
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.hosts import find_host, moment, number_of
from cumulo.services.compute.model import ComputeHost, Server
from cumulo.services.compute.schema.bodies import ServiceChange, ServiceVerbBody
from cumulo.services.compute.schema.catalogue import is_true

INTERNAL = "internal"
"""The zone of what places servers and carries them on, where no server can be."""

CONTROL = ("nova-conductor", "nova-scheduler")
"""What the process that answers is, in Nova's words: it carries on what is promised, and places servers."""


class ServiceNotFound(NotFound):
    """Compute service {id} could not be found."""


class NoBinary(NotFound):
    """Could not find binary {binary} on host {host}."""


class UnchangingService(Invalid):
    """Updating a {binary} service is not supported. Must be a nova-compute service."""


class Serving(Conflict):
    """The {binary} of host {host} is what answers this request."""


class HostInUse(Conflict):
    """Unable to delete compute service that is hosting instances: {host}."""


class ControlService(msgspec.Struct, frozen=True, kw_only=True):
    """One of them, as it is at the moment of the answer: up, for it answers (0380)."""

    zone: ClassVar[str] = INTERNAL
    disabled: ClassVar[bool] = False
    disabled_reason: ClassVar[None] = None
    forced_down: ClassVar[bool] = False

    binary: str
    host: str
    seen_at: datetime = msgspec.field(default_factory=clock.now)

    @property
    def service_id(self) -> str:
        """An id that follows from what it is."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.binary}@{self.host}"))

    def is_up(self, silence: float) -> bool:
        """Say that it is there."""
        del silence
        return True


AnyService = ComputeHost | ControlService


def control_services(ctx: Ctx) -> list[ControlService]:
    """Return what the process that answers is."""
    host = ctx.use(Tasks).instance.partition("/")[0]
    return [ControlService(binary=binary, host=host) for binary in CONTROL]


async def zones(ctx: Ctx, *, detail: bool = False) -> dict[str, Any]:
    """Return the availability zones; in detail with their hosts, and with the zone of the control plane."""
    settings = ctx.use(ComputeSettings)
    hosts = await ctx.db.all(ComputeHost, order_by=(ComputeHost.c.host,))
    by_zone: dict[str, list[ComputeHost]] = {}
    for host in hosts:
        by_zone.setdefault(host.zone, []).append(host)
    shown = [
        _zone(
            zone,
            available=any(not host.disabled for host in members),
            hosts=_zone_hosts(members, settings.host_silence) if detail else None,
        )
        for zone, members in sorted(by_zone.items())
    ]
    if detail:
        control = _zone_hosts(control_services(ctx), settings.host_silence)
        shown.insert(0, _zone(INTERNAL, available=True, hosts=control))
    return {"availabilityZoneInfo": shown}


def _zone(name: str, *, available: bool, hosts: dict[str, Any] | None) -> dict[str, Any]:
    return {"zoneName": name, "zoneState": {"available": available}, "hosts": hosts}


def _zone_hosts(members: Sequence[AnyService], silence: float) -> dict[str, Any]:
    hosts: dict[str, Any] = {}
    for member in members:
        hosts.setdefault(member.host, {})[member.binary] = {
            "available": member.is_up(silence),
            "active": not member.disabled,
            "updated_at": moment(member.seen_at),
        }
    return hosts


async def services(ctx: Ctx) -> dict[str, Any]:
    """Return the compute services: those of the hosts, then those of the control plane."""
    where = {"host": ctx.request.first("host"), "binary": ctx.request.first("binary")}
    hosts = await ctx.db.all(ComputeHost, order_by=(ComputeHost.c.host,))
    known: list[AnyService] = [*hosts, *control_services(ctx)]
    listed = [
        service_document(ctx, service)
        for service in known
        if all(wanted in (None, getattr(service, name)) for name, wanted in where.items())
    ]
    return {"services": listed}


def service_document(ctx: Ctx, service: AnyService) -> dict[str, Any]:
    """Return a compute service as this version of the API shows it."""
    version = ctx.version or (2, 1)
    document: dict[str, Any] = {
        "id": _shown_id(ctx, service),
        "binary": service.binary,
        "host": service.host,
        "zone": service.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if service.is_up(ctx.use(ComputeSettings).host_silence) else "down",
        "updated_at": moment(service.seen_at),
        "disabled_reason": service.disabled_reason,
    }
    if version >= (2, 11):
        document["forced_down"] = service.forced_down
    return document


def _shown_id(ctx: Ctx, service: AnyService) -> str | int:
    by_uuid = (ctx.version or (2, 1)) >= (2, 53)
    return service.service_id if by_uuid else number_of(service.service_id)


async def find_service(ctx: Ctx, id: str) -> AnyService:
    """Return a compute service by its id as this version shows it. ServiceNotFound."""
    known: list[AnyService] = [*await ctx.db.all(ComputeHost), *control_services(ctx)]
    for service in known:
        if str(_shown_id(ctx, service)) == id:
            return service
    raise ServiceNotFound(id=id)


async def update_service(ctx: Ctx, id: str, body: ServiceChange) -> dict[str, Any]:
    """Enable, disable or force down a compute service by its id. ServiceNotFound, UnchangingService."""
    service = await find_service(ctx, id)
    if isinstance(service, ControlService):
        raise UnchangingService(binary=service.binary)
    return {"service": service_document(ctx, await change_service(ctx, service, body))}


async def change_service(ctx: Ctx, host: ComputeHost, body: ServiceChange) -> ComputeHost:
    """Enable, disable or force down a host's compute service."""
    if isinstance(body.status, str):
        host.disabled = body.status == "disabled"
        host.disabled_reason = None
    if isinstance(body.disabled_reason, str):
        host.disabled_reason = body.disabled_reason
    if not isinstance(body.forced_down, msgspec.UnsetType):
        host.forced_down = is_true(body.forced_down)
    host.updated_at = clock.now()
    changed = ("disabled", "disabled_reason", "forced_down", "updated_at")
    await ctx.db.save(host, *changed)
    return host


async def change_by_verb(ctx: Ctx, verb: str, body: ServiceVerbBody) -> dict[str, Any]:
    """Change a service as versions before 2.53 do: the verb stands in the URL.

    ServiceNotFound; HostNotFound; NoBinary; UnchangingService.
    """
    if verb not in _VERBS:
        raise ServiceNotFound(id=verb)
    if body.binary in CONTROL:
        raise UnchangingService(binary=body.binary)
    host = await find_host(ctx.db, body.host)
    if body.binary != host.binary:
        raise NoBinary(host=body.host, binary=body.binary)
    change = ServiceChange(**_VERBS[verb])
    if verb == "disable-log-reason":
        change.disabled_reason = body.disabled_reason
    if verb == "force-down":
        change.forced_down = body.forced_down
    await change_service(ctx, host, change)
    shown = service_document(ctx, host)
    return {"service": {name: shown[name] for name in ("binary", "host", *_ANSWERS[verb])}}


_VERBS: Mapping[str, dict[str, Any]] = {
    "enable": {"status": "enabled"},
    "disable": {"status": "disabled"},
    "disable-log-reason": {"status": "disabled"},
    "force-down": {},
}
_ANSWERS: Mapping[str, tuple[str, ...]] = {
    "enable": ("status",),
    "disable": ("status",),
    "disable-log-reason": ("status", "disabled_reason"),
    "force-down": ("forced_down",),
}


async def delete_service(ctx: Ctx, id: str) -> None:
    """Forget a host that has no servers and does not report any more. HostInUse, ServiceNotFound, Serving."""
    service = await find_service(ctx, id)
    if isinstance(service, ControlService):
        raise Serving(binary=service.binary, host=service.host)
    here = (Server.c.host == service.host) & Server.c.deleted_at.is_(None)
    if await ctx.db.exists(Server, here):
        raise HostInUse(host=service.host)
    await ctx.use(Placement).remove_provider(ctx, service.id)
    await ctx.db.delete(ComputeHost, ComputeHost.c.id == service.id)
