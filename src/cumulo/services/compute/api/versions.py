"""What versions of the API there are, and its extensions, which every one now has."""

from typing import Any

from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.compute import policy
from cumulo.services.compute.api.dialect import MAXIMUM

routes = RouteSet()
UPDATED = "2013-07-23T11:33:21Z"
EXTENSIONS = (
    ("NMN", "Multinic"),
    ("OS-DCF", "DiskConfig"),
    ("OS-EXT-AZ", "ExtendedAvailabilityZone"),
    ("OS-EXT-IPS", "ExtendedIps"),
    ("OS-EXT-IPS-MAC", "ExtendedIpsMac"),
    ("OS-EXT-SRV-ATTR", "ExtendedServerAttributes"),
    ("OS-EXT-STS", "ExtendedStatus"),
    ("OS-FLV-EXT-DATA", "FlavorExtraData"),
    ("OS-SCH-HNT", "SchedulerHints"),
    ("OS-SRV-USG", "ServerUsage"),
    ("os-availability-zone", "AvailabilityZone"),
    ("os-config-drive", "ConfigDrive"),
    ("os-console-output", "ConsoleOutput"),
    ("os-consoles", "Consoles"),
    ("os-flavor-access", "FlavorAccess"),
    ("os-flavor-extra-specs", "FlavorExtraSpecs"),
    ("os-flavor-manage", "FlavorManage"),
    ("os-hosts", "Hosts"),
    ("os-hypervisors", "Hypervisors"),
    ("os-instance-actions", "InstanceActions"),
    ("os-keypairs", "Keypairs"),
    ("os-pause-server", "PauseServer"),
    ("os-quota-sets", "Quotas"),
    ("os-security-groups", "SecurityGroups"),
    ("os-services", "Services"),
    ("os-user-data", "UserData"),
)


def document(ctx: Ctx) -> dict[str, Any]:
    """Return the one version that is served."""
    base = f"{ctx.base_url.removesuffix('/v2.1')}/v2.1/"
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": MAXIMUM,
        "min_version": "2.1",
        "updated": UPDATED,
        "links": [{"rel": "self", "href": base}],
    }


@routes.route("GET", "/", policy=None, at_root=True)
async def list_versions(ctx: Ctx) -> dict[str, Any]:
    """List the versions of the compute API."""
    return {"versions": [document(ctx)]}


@routes.route("GET", "", policy=None)
async def show_version(ctx: Ctx) -> dict[str, Any]:
    """Show version 2.1 of the compute API."""
    media = {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
    return {"version": {**document(ctx), "media-types": [media]}}


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
