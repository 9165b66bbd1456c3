"""What versions of the API there are, and its extensions, which every one now has."""

from typing import Any

from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.api.dialect import MAXIMUM

routes = RouteSet()
UPDATED = "2013-07-23T11:33:21Z"
MEDIA = {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
EXTENSIONS = (
    ("NMN", "Multinic"),
    ("OS-DCF", "DiskConfig"),
    ("OS-EXT-AZ", "ExtendedAvailabilityZone"),
    ("OS-EXT-IMG-SIZE", "ImageSize"),
    ("OS-EXT-IPS", "ExtendedIps"),
    ("OS-EXT-IPS-MAC", "ExtendedIpsMac"),
    ("OS-EXT-SRV-ATTR", "ExtendedServerAttributes"),
    ("OS-EXT-STS", "ExtendedStatus"),
    ("OS-EXT-VIF-NET", "ExtendedVIFNet"),
    ("OS-FLV-DISABLED", "FlavorDisabled"),
    ("OS-FLV-EXT-DATA", "FlavorExtraData"),
    ("OS-SCH-HNT", "SchedulerHints"),
    ("OS-SRV-USG", "ServerUsage"),
    ("os-access-ips", "AccessIPs"),
    ("os-admin-actions", "AdminActions"),
    ("os-admin-password", "AdminPassword"),
    ("os-aggregates", "Aggregates"),
    ("os-attach-interfaces", "AttachInterfaces"),
    ("os-availability-zone", "AvailabilityZone"),
    ("os-block-device-mapping", "BlockDeviceMapping"),
    ("os-block-device-mapping-v2-boot", "BlockDeviceMappingV2Boot"),
    ("os-config-drive", "ConfigDrive"),
    ("os-console-auth-tokens", "ConsoleAuthTokens"),
    ("os-console-output", "ConsoleOutput"),
    ("os-consoles", "Consoles"),
    ("os-create-backup", "CreateBackup"),
    ("os-deferred-delete", "DeferredDelete"),
    ("os-evacuate", "Evacuate"),
    ("os-extended-volumes", "ExtendedVolumes"),
    ("os-flavor-access", "FlavorAccess"),
    ("os-flavor-extra-specs", "FlavorExtraSpecs"),
    ("os-flavor-manage", "FlavorManage"),
    ("os-flavor-rxtx", "FlavorRxtx"),
    ("os-flavor-swap", "FlavorSwap"),
    ("os-floating-ip-pools", "FloatingIpPools"),
    ("os-floating-ips", "FloatingIps"),
    ("os-hosts", "Hosts"),
    ("os-hypervisors", "Hypervisors"),
    ("os-instance-actions", "InstanceActions"),
    ("os-instance_usage_audit_log", "OSInstanceUsageAuditLog"),
    ("os-keypairs", "Keypairs"),
    ("os-lock-server", "LockServer"),
    ("os-migrate-server", "MigrateServer"),
    ("os-migrations", "Migrations"),
    ("os-multiple-create", "MultipleCreate"),
    ("os-networks", "Networks"),
    ("os-pause-server", "PauseServer"),
    ("os-personality", "Personality"),
    ("os-quota-class-sets", "QuotaClasses"),
    ("os-quota-sets", "Quotas"),
    ("os-rescue", "Rescue"),
    ("os-security-groups", "SecurityGroups"),
    ("os-server-diagnostics", "ServerDiagnostics"),
    ("os-server-external-events", "ServerExternalEvents"),
    ("os-server-group-quotas", "ServerGroupQuotas"),
    ("os-server-groups", "ServerGroups"),
    ("os-server-password", "ServerPassword"),
    ("os-server-start-stop", "ServerStartStop"),
    ("os-services", "Services"),
    ("os-shelve", "Shelve"),
    ("os-simple-tenant-usage", "SimpleTenantUsage"),
    ("os-suspend-server", "SuspendServer"),
    ("os-tenant-networks", "OSTenantNetworks"),
    ("os-used-limits", "UsedLimits"),
    ("os-user-data", "UserData"),
    ("os-volume-attachment-update", "VolumeAttachmentUpdate"),
    ("os-volumes", "Volumes"),
)


def _self(ctx: Ctx, path: str) -> list[dict[str, str]]:
    return [{"rel": "self", "href": f"{ctx.base_url.removesuffix('/v2.1')}/{path}/"}]


def ancient(ctx: Ctx) -> dict[str, Any]:
    """Return the version before microversions, which every Nova lists first; nothing else of it is served."""
    return {
        "id": "v2.0",
        "status": "DEPRECATED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": _self(ctx, "v2"),
    }


def document(ctx: Ctx) -> dict[str, Any]:
    """Return the version that is served."""
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": MAXIMUM,
        "min_version": "2.1",
        "updated": UPDATED,
        "links": _self(ctx, "v2.1"),
    }


@routes.route("GET", "/", policy=None, at_root=True)
async def list_versions(ctx: Ctx) -> dict[str, Any]:
    """List the versions of the compute API."""
    return {"versions": [ancient(ctx), document(ctx)]}


@routes.route("GET", "/v2", policy=None, at_root=True)
async def show_ancient_version(ctx: Ctx) -> dict[str, Any]:
    """Show version 2.0 of the compute API."""
    return {"version": {**ancient(ctx), "media-types": [MEDIA]}}


@routes.route("GET", "", policy=None)
async def show_version(ctx: Ctx) -> dict[str, Any]:
    """Show version 2.1 of the compute API."""
    return {"version": {**document(ctx), "media-types": [MEDIA]}}


def extension(alias: str, name: str) -> dict[str, Any]:
    """Return an extension's document."""
    return {
        "alias": alias,
        "name": name,
        "description": "",
        "links": [],
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
    }


@routes.route("GET", "/extensions", policy=policy.EXTENSIONS)
async def list_extensions(ctx: Ctx) -> dict[str, Any]:
    """List the API's extensions."""
    del ctx
    return {"extensions": [extension(alias, name) for alias, name in EXTENSIONS]}


@routes.route("GET", "/extensions/{alias}", policy=policy.EXTENSIONS)
async def show_extension(ctx: Ctx, alias: str) -> dict[str, Any]:
    """Show one of the API's extensions."""
    del ctx
    name = dict(EXTENSIONS).get(alias)
    if name is None:
        raise NotFound
    return {"extension": extension(alias, name)}
