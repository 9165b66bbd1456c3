"""What operators look after: services, hosts, pools, quotas, messages; and what everyone may know."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import PROJECT, Resource
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.api import attachments, backups, groups, snapshots, volumes
from cumulo.services.block_storage.domain import logs, operators, quota_sets, search
from cumulo.services.block_storage.errors import BadRequest, MessageNotFound
from cumulo.services.block_storage.model import Message
from cumulo.services.block_storage.schema.operators import (
    HostBody,
    HostStatusBody,
    LogBody,
    MessageView,
    QuotaClassBody,
    QuotaSetBody,
    ServiceBody,
)

routes = RouteSet()

messages = Resource(
    "message",
    "/messages",
    model=Message,
    view=MessageView,
    scope=PROJECT,
    order=("created_at:desc", "id:desc"),
    missing=MessageNotFound,
)
messages.filter("project_id")(search.text(Message, "project_id"))
messages.list(policy=policy.MESSAGE_LIST, since="3.3")
messages.show(policy=policy.MESSAGE_SHOW, since="3.3")
messages.delete(policy=policy.MESSAGE_DELETE, plain=True, since="3.3")

EXTENSIONS = (
    ("OS-SCH-HNT", "SchedulerHints"),
    ("backups", "Backups"),
    ("capabilities", "Capabilities"),
    ("cgsnapshots", "Cgsnapshots"),
    ("consistencygroups", "Consistencygroups"),
    ("encryption", "VolumeTypeEncryption"),
    ("os-admin-actions", "AdminActions"),
    ("os-availability-zone", "AvailabilityZones"),
    ("os-extended-services", "ExtendedServices"),
    ("os-extended-snapshot-attributes", "ExtendedSnapshotAttributes"),
    ("os-hosts", "Hosts"),
    ("os-quota-class-sets", "QuotaClasses"),
    ("os-quota-sets", "Quotas"),
    ("os-services", "Services"),
    ("os-snapshot-actions", "SnapshotActions"),
    ("os-snapshot-manage", "SnapshotManage"),
    ("os-snapshot-unmanage", "SnapshotUnmanage"),
    ("os-types-extra-specs", "TypesExtraSpecs"),
    ("os-types-manage", "TypesManage"),
    ("os-used-limits", "UsedLimits"),
    ("os-vol-host-attr", "VolumeHostAttribute"),
    ("os-vol-image-meta", "VolumeImageMetadata"),
    ("os-vol-mig-status-attr", "VolumeMigStatusAttribute"),
    ("os-vol-tenant-attr", "VolumeTenantAttribute"),
    ("os-volume-actions", "VolumeActions"),
    ("os-volume-encryption-metadata", "VolumeEncryptionMetadata"),
    ("os-volume-manage", "VolumeManage"),
    ("os-volume-transfer", "VolumeTransfer"),
    ("os-volume-type-access", "VolumeTypeAccess"),
    ("os-volume-unmanage", "VolumeUnmanage"),
    ("qos-specs", "Qos_specs_manage"),
    ("scheduler-stats", "Scheduler_stats"),
)
FILTERS = {
    "volume": [*volumes.EVERYONES],
    "snapshot": [*snapshots.EVERYONES],
    "attachment": [*attachments.FILTERS],
    "message": ["resource_uuid", "resource_type", "event_id", "request_id", "message_level"],
    "pool": ["name", "volume_type"],
    "volume_type": ["is_public", "extra_specs"],
    "backup": [*backups.EVERYONES],
    "group": [*groups.GROUP_FILTERS],
    "group_snapshot": [*groups.SNAPSHOT_FILTERS],
}


@routes.route("GET", "/extensions", policy=policy.EXTENSIONS)
async def list_extensions(ctx: Ctx) -> Any:
    """List the API's extensions."""
    del ctx
    return {"extensions": [_extension(alias, name) for alias, name in EXTENSIONS]}


def _extension(alias: str, name: str) -> dict[str, Any]:
    updated = "2016-04-26T00:00:00+00:00"
    return {"alias": alias, "name": name, "description": name, "links": [], "updated": updated}


@routes.route("GET", "/resource_filters", policy=policy.FILTERS, since="3.33")
async def list_filters(ctx: Ctx) -> Any:
    """List what each kind of list can be filtered by."""
    asked = ctx.request.first("resource")
    if asked is not None and asked not in FILTERS:
        raise BadRequest(reason=f"There are no lists of '{asked}'.")
    shown = {asked: FILTERS[asked]} if asked is not None else FILTERS
    return {"resource_filters": [{"resource": name, "filters": known} for name, known in shown.items()]}


@routes.route("GET", "/os-availability-zone", policy=policy.ZONES)
async def list_zones(ctx: Ctx) -> Any:
    """List the availability zones."""
    return {"availabilityZoneInfo": await operators.zones(ctx)}


@routes.route("GET", "/limits", policy=policy.LIMITS)
async def show_limits(ctx: Ctx) -> Any:
    """Show the caller's project's limits and what is used of them."""
    return await quota_sets.absolute(ctx)


@routes.route("GET", "/os-quota-sets/{project}", policy=policy.QUOTAS_SHOW)
async def show_quotas(ctx: Ctx, project: str) -> Any:
    """Show a project's quotas."""
    return await quota_sets.quota_set(ctx, project)


@routes.route("GET", "/os-quota-sets/{project}/defaults", policy=policy.QUOTAS_SHOW)
async def show_default_quotas(ctx: Ctx, project: str) -> Any:
    """Show the quotas of a project that has none of its own."""
    return await quota_sets.default_set(ctx, project)


@routes.route("PUT", "/os-quota-sets/{project}", policy=policy.QUOTAS_UPDATE)
async def set_quotas(ctx: Ctx, project: str, body: QuotaSetBody) -> Any:
    """Give a project quotas of its own."""
    return await quota_sets.set_quotas(ctx, project, body.quota_set)


@routes.route("DELETE", "/os-quota-sets/{project}", policy=policy.QUOTAS_DELETE)
async def reset_quotas(ctx: Ctx, project: str) -> None:
    """Return a project to the default quotas."""
    await quota_sets.reset(ctx, project)


@routes.route("GET", "/os-quota-class-sets/{name}", policy=policy.CLASSES_SHOW)
async def show_class(ctx: Ctx, name: str) -> Any:
    """Show a quota class."""
    return await quota_sets.quota_class(ctx, name)


@routes.route("PUT", "/os-quota-class-sets/{name}", policy=policy.CLASSES_UPDATE)
async def set_class(ctx: Ctx, name: str, body: QuotaClassBody) -> Any:
    """Set limits of a quota class."""
    return await quota_sets.set_class(ctx, name, body.quota_class_set)


@routes.route("GET", "/os-services", policy=policy.SERVICES_LIST)
async def list_services(ctx: Ctx) -> Any:
    """List the services."""
    return {"services": await operators.services(ctx)}


@routes.route("PUT", "/os-services/enable", policy=policy.SERVICES_UPDATE)
async def enable(ctx: Ctx, body: ServiceBody) -> Any:
    """Take a service back into service."""
    return await operators.set_disabled(ctx, body, disabled=False)


@routes.route("PUT", "/os-services/disable", policy=policy.SERVICES_UPDATE)
async def disable(ctx: Ctx, body: ServiceBody) -> Any:
    """Take a service out of service."""
    return await operators.set_disabled(ctx, body, disabled=True)


@routes.route("PUT", "/os-services/disable-log-reason", policy=policy.SERVICES_UPDATE)
async def disable_with_reason(ctx: Ctx, body: ServiceBody) -> Any:
    """Take a service out of service, and say why."""
    return await operators.set_disabled(ctx, body, disabled=True, reasoned=True)


@routes.route("PUT", "/os-services/freeze", policy=policy.FREEZE)
async def freeze(ctx: Ctx, body: HostBody) -> None:
    """Freeze a backend."""
    await operators.set_frozen(ctx, body, frozen=True)


@routes.route("PUT", "/os-services/thaw", policy=policy.THAW)
async def thaw(ctx: Ctx, body: HostBody) -> None:
    """Thaw a backend."""
    await operators.set_frozen(ctx, body, frozen=False)


@routes.route("PUT", "/os-services/failover_host", policy=policy.FAILOVER, status=202)
async def fail_host_over(ctx: Ctx, body: HostBody) -> None:
    """Fail a backend over to its replica."""
    await operators.fail_over(ctx, body)


@routes.route("PUT", "/os-services/failover", policy=policy.FAILOVER, status=202, since="3.26")
async def fail_over(ctx: Ctx, body: HostBody) -> None:
    """Fail a backend or a cluster over to its replica."""
    await operators.fail_over(ctx, body)


@routes.route("PUT", "/os-services/set-log", policy=policy.SERVICES_UPDATE, status=202, since="3.32")
async def set_log(ctx: Ctx, body: LogBody) -> None:
    """Have the services log more, or less."""
    del ctx
    logs.set_level(body)


@routes.route("PUT", "/os-services/get-log", policy=policy.SERVICES_LIST, since="3.32")
async def get_log(ctx: Ctx, body: LogBody) -> Any:
    """Show how much the services log."""
    return {"log_levels": await logs.levels(ctx, body)}


@routes.route("GET", "/os-hosts", policy=policy.HOSTS)
async def list_hosts(ctx: Ctx) -> Any:
    """List the hosts of services."""
    return {"hosts": await operators.hosts(ctx)}


@routes.route("GET", "/os-hosts/{host}", policy=policy.HOSTS)
async def show_host(ctx: Ctx, host: str) -> Any:
    """Show what a host's volumes take."""
    return {"host": await operators.host(ctx, host)}


@routes.route("PUT", "/os-hosts/{host}", policy=policy.HOSTS)
async def set_host(ctx: Ctx, host: str, body: HostStatusBody) -> Any:
    """Take all services of a host out of service, or back into it."""
    return await operators.set_host(ctx, host, body.status)


@routes.route("GET", "/scheduler-stats/get_pools", policy=policy.POOLS)
async def list_pools(ctx: Ctx) -> Any:
    """List the pools."""
    return {"pools": await operators.pools(ctx)}


@routes.route("GET", "/capabilities/{host}", policy=policy.CAPABILITIES)
async def show_capabilities(ctx: Ctx, host: str) -> Any:
    """Show what a backend can do."""
    return await operators.capabilities(ctx, host)
