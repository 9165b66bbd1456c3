"""A whole cloud of fakes in this process, in which projects own one of everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from cumulo.runtime.composition import Composition, compose
from cumulo.runtime.state import StateFolder

SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n[database]\nurl = "{url}"\n'
NETWORK, IMAGE, COMPUTE, IDENTITY = "/network/v2.0", "/image/v2", "/compute/v2.1", "/identity/v3"
VOLUME = "/volume/v3"


class User:
    """A client with a token that says what was wrong when a call was refused."""

    def __init__(self, cloud: Composition, token: str = "") -> None:
        transport = httpx.ASGITransport(cloud.app)
        headers = {"X-Auth-Token": token, "OpenStack-API-Version": "compute 2.79, placement 1.39"}
        headers["Accept"] = "application/json"
        self.http = httpx.AsyncClient(transport=transport, base_url="http://cloud", headers=headers)

    async def __call__(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        answer = await self.http.request(method, path, json=body, **how)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else answer.headers


async def log_in(cloud: Composition, name: str, password: str, project: str) -> User:
    user = {"name": name, "domain": {"id": "default"}, "password": password}
    scope = {"project": {"name": project, "domain": {"id": "default"}}}
    secret = {"methods": ["password"], "password": {"user": user}}
    http = User(cloud).http
    body = {"auth": {"identity": secret, "scope": scope}}
    answer = await http.post(f"{IDENTITY}/auth/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return User(cloud, answer.headers["X-Subject-Token"])


@asynccontextmanager
async def running(state: StateFolder, url: str) -> AsyncIterator[Composition]:
    """Give a cloud of all services in this process."""
    state.config.write_text(SETTINGS.format(url=url))
    state.prepare()
    made = await compose(state)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
        state.short_run.unlink()


class World:
    """What both projects hang on, and the administrator."""

    def __init__(self, cloud: Composition, admin: User) -> None:
        self.cloud, self.admin = cloud, admin
        self.outside = ""
        self.provider = ""

    @classmethod
    async def of(cls, cloud: Composition) -> "World":
        password = cloud.state.admin_password.read_text().strip()
        world = cls(cloud, await log_in(cloud, "admin", password, "admin"))
        outside = {"name": "outside", "router:external": True}
        made = await world.admin("POST", f"{NETWORK}/networks", {"network": outside})
        world.outside = made["network"]["id"]
        subnet = {"network_id": world.outside, "ip_version": 4, "cidr": "192.0.2.0/24"}
        await world.admin("POST", f"{NETWORK}/subnets", {"subnet": subnet})
        flavor = {"name": "private", "id": "private", "ram": 64, "vcpus": 1, "disk": 1}
        body = {"flavor": {**flavor, "os-flavor-access:is_public": False}}
        await world.admin("POST", f"{COMPUTE}/flavors", body)
        service = (await world.admin("GET", f"{IDENTITY}/services?type=compute"))["services"][0]["id"]
        limit = {"service_id": service, "resource_name": "cores", "default_limit": 9}
        await world.admin("POST", f"{IDENTITY}/registered_limits", {"registered_limits": [limit]})
        providers = await world.admin("GET", "/placement/resource_providers")
        world.provider = providers["resource_providers"][0]["uuid"]
        return world


async def a_project(world: World, name: str) -> tuple[str, str, User]:
    """Make a project with a user of the same name; return the ids of both and the user's client."""
    admin = world.admin
    made = await admin("POST", f"{IDENTITY}/projects", {"project": {"name": name}})
    project = made["project"]["id"]
    body = {"user": {"name": name, "password": name, "default_project_id": project}}
    user = (await admin("POST", f"{IDENTITY}/users", body))["user"]["id"]
    role = (await admin("GET", f"{IDENTITY}/roles?name=member"))["roles"][0]["id"]
    await admin("PUT", f"{IDENTITY}/projects/{project}/users/{user}/roles/{role}")
    return project, user, await log_in(world.cloud, name, name, name)


async def one_of_everything(world: World, project: str, user_id: str, user: User) -> dict[str, str]:
    """Make one of each thing, hanging on each other; return the paths at which its owner sees some."""
    server, image, network = await a_server(world, project, user)
    await the_networks(world, project, user, network, server)
    await the_grants(world, project, user_id, user)
    await the_volumes(world, project, user)
    body = {
        "allocations": {world.provider: {"resources": {"VCPU": 1}}},
        "project_id": project,
        "user_id": user_id,
        "consumer_generation": None,
        "consumer_type": "INSTANCE",
    }
    await world.admin("PUT", f"/placement/allocations/{project[:8]}-1111-4111-8111-111111111111", body)
    await world.cloud.tasks.settle()
    return {
        "server": f"{COMPUTE}/servers/{server}",
        "image": f"{IMAGE}/images/{image}",
        "network": f"{NETWORK}/networks/{network}",
    }


async def a_server(world: World, project: str, user: User) -> tuple[str, str, str]:
    network = (await user("POST", f"{NETWORK}/networks", {"network": {"name": "home"}}))["network"]["id"]
    facts = {"name": "mini", "disk_format": "raw", "container_format": "bare", "protected": True}
    image = (await user("POST", f"{IMAGE}/images", {**facts, "tags": ["small"]}))["id"]
    defined = {"namespace": f"OS::{project[:6]}", "owner": project, "protected": True}
    await world.admin("POST", f"{IMAGE}/metadefs/namespaces", defined)
    octets = {"Content-Type": "application/octet-stream"}
    await user("PUT", f"{IMAGE}/images/{image}/file", content=b"\0" * 4096, headers=octets)
    access = {"addTenantAccess": {"tenant": project}}
    await world.admin("POST", f"{COMPUTE}/flavors/private/action", access)
    for service, quota in ((COMPUTE, "os-quota-sets"), (NETWORK, "quotas")):
        key = "quota_set" if service is COMPUTE else "quota"
        value = {"cores": 7} if service is COMPUTE else {"port": 77}
        await world.admin("PUT", f"{service}/{quota}/{project}", {key: value})
    group = {"server_group": {"name": "near", "policy": "anti-affinity"}}
    await user("POST", f"{COMPUTE}/os-server-groups", group)
    keypair = {"name": f"key-of-{project[:12]}", "type": "ssh"}
    await user("POST", f"{COMPUTE}/os-keypairs", {"keypair": keypair})
    pool = {"name": "pool", "prefixes": ["10.8.0.0/16"], "default_prefixlen": 24}
    pool_id = (await user("POST", f"{NETWORK}/subnetpools", {"subnetpool": pool}))["subnetpool"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "subnetpool_id": pool_id}
    await user("POST", f"{NETWORK}/subnets", {"subnet": subnet})
    body = {"name": "web", "imageRef": image, "flavorRef": "private", "networks": [{"uuid": network}]}
    server = (await user("POST", f"{COMPUTE}/servers", {"server": body}))["server"]["id"]
    await world.cloud.tasks.settle()
    shown = (await user("GET", f"{COMPUTE}/servers/{server}"))["server"]
    assert shown["status"] == "ACTIVE", shown
    await user("POST", f"{COMPUTE}/servers/{server}/action", {"lock": None})
    return server, image, network


async def what_administrators_keep(world: World, project: str, group: str) -> None:
    """Make what administrators alone make of networks for a project."""
    log = {"project_id": project, "resource_type": "security_group", "resource_id": group}
    await world.admin("POST", f"{NETWORK}/log/logs", {"log": log})
    path = f"{NETWORK}/metering/metering-label"
    label = {"metering_label": {"project_id": project, "name": "all"}}
    made = (await world.admin("POST", f"{path}s", label))["metering_label"]["id"]
    rule = {"metering_label_id": made, "direction": "egress", "remote_ip_prefix": "0.0.0.0/0"}
    await world.admin("POST", f"{path}-rules", {"metering_label_rule": rule})
    vlans = {"network_type": "vlan", "physical_network": project[:6], "minimum": 1, "maximum": 9}
    body = {"network_segment_range": {**vlans, "shared": False, "project_id": project}}
    await world.admin("POST", f"{NETWORK}/network_segment_ranges", body)
    default = {"security_groups_default_statefulness": {"project_id": project}}
    await world.admin("POST", f"{NETWORK}/security-groups-default-statefulness", default)


async def the_networks(world: World, project: str, user: User, network: str, server: str) -> None:
    subnet = (await user("GET", f"{NETWORK}/subnets?network_id={network}"))["subnets"][0]["id"]
    gateway = {"router": {"external_gateway_info": {"network_id": world.outside}}}
    router = (await user("POST", f"{NETWORK}/routers", gateway))["router"]["id"]
    await user("PUT", f"{NETWORK}/routers/{router}/add_router_interface", {"subnet_id": subnet})
    port = (await user("GET", f"{NETWORK}/ports?device_id={server}"))["ports"][0]["id"]
    floating = {"floating_network_id": world.outside, "port_id": port}
    await user("POST", f"{NETWORK}/floatingips", {"floatingip": floating})
    floating = {"floatingip": {"floating_network_id": world.outside}}
    address = (await user("POST", f"{NETWORK}/floatingips", floating))["floatingip"]["id"]
    inside = {"port": {"network_id": network, "device_owner": "web"}}
    further = (await user("POST", f"{NETWORK}/ports", inside))["port"]["id"]
    ports = {"internal_port_id": further, "internal_port": 80, "external_port": 8080, "protocol": "tcp"}
    path = f"{NETWORK}/floatingips/{address}/port_forwardings"
    await user("POST", path, {"port_forwarding": ports})
    await user("POST", f"{NETWORK}/trunks", {"trunk": {"port_id": port}})
    way = {"remote_ip": "198.51.100.9", "mirror_type": "gre", "directions": {"IN": int(project[:7], 16)}}
    mirror = {"port_id": port, "project_id": project, **way}
    await world.admin("POST", f"{NETWORK}/taas/tap_mirrors", {"tap_mirror": mirror})
    policy = {"policy": {"name": "slow", "project_id": project}}
    await world.admin("POST", f"{NETWORK}/qos/policies", policy)
    body = {"security_group": {"name": "web"}}
    group = (await user("POST", f"{NETWORK}/security-groups", body))["security_group"]["id"]
    rule = {"security_group_id": group, "direction": "ingress", "remote_group_id": group}
    await user("POST", f"{NETWORK}/security-group-rules", {"security_group_rule": rule})
    await user("POST", f"{NETWORK}/address-scopes", {"address_scope": {"name": "ours", "ip_version": 4}})
    offices = {"address_group": {"addresses": ["192.0.2.0/24"]}}
    await user("POST", f"{NETWORK}/address-groups", offices)
    spare = {"network_id": network, "security_groups": [group]}
    await user("POST", f"{NETWORK}/ports", {"port": spare})
    await what_administrators_keep(world, project, group)
    share = {"object_type": "network", "object_id": network, "action": "access_as_shared"}
    policy = {"rbac_policy": {**share, "target_tenant": "somebody"}}
    await user("POST", f"{NETWORK}/rbac-policies", policy)
    shared = await world.admin("POST", f"{NETWORK}/networks", {"network": {"name": f"for-{project[:6]}"}})
    far = {"network_id": shared["network"]["id"], "ip_version": 4, "cidr": "10.7.0.0/24"}
    await world.admin("POST", f"{NETWORK}/subnets", {"subnet": {**far, "project_id": project}})


async def the_grants(world: World, project: str, user_id: str, user: User) -> None:
    admin = world.admin
    robot = {"application_credential": {"name": "robot"}}
    await user("POST", f"{IDENTITY}/users/{user_id}/application_credentials", robot)
    await user("POST", f"{IDENTITY}/users/{user_id}/credentials/OS-EC2", {"tenant_id": project})
    trustee = (await admin("GET", f"{IDENTITY}/users?name=admin"))["users"][0]["id"]
    trust = {"trustor_user_id": user_id, "trustee_user_id": trustee, "impersonation": False}
    body = {"trust": {**trust, "project_id": project, "roles": [{"name": "member"}]}}
    await user("POST", f"{IDENTITY}/OS-TRUST/trusts", body)
    service = (await admin("GET", f"{IDENTITY}/services?type=compute"))["services"][0]["id"]
    limit = {"service_id": service, "resource_name": "cores", "project_id": project, "resource_limit": 3}
    await admin("POST", f"{IDENTITY}/limits", {"limits": [limit]})
    for endpoint in (await admin("GET", f"{IDENTITY}/endpoints"))["endpoints"]:
        await admin("PUT", f"{IDENTITY}/OS-EP-FILTER/projects/{project}/endpoints/{endpoint['id']}")
    group = {"endpoint_group": {"name": project[:6], "filters": {"interface": "public"}}}
    made = await admin("POST", f"{IDENTITY}/OS-EP-FILTER/endpoint_groups", group)
    place = f"{IDENTITY}/OS-EP-FILTER/endpoint_groups/{made['endpoint_group']['id']}"
    await admin("PUT", f"{place}/projects/{project}")


async def the_volumes(world: World, project: str, user: User) -> None:
    """Make a volume, of whatever status: on fakes there may be no pool to hold it."""
    kind = {"volume_type": {"name": project[:6], "os-volume-type-access:is_public": False}}
    type_id = (await world.admin("POST", f"{VOLUME}/types", kind))["volume_type"]["id"]
    access = {"addProjectAccess": {"project": project}}
    await world.admin("POST", f"{VOLUME}/types/{type_id}/action", access)
    default = {"default_type": {"volume_type": type_id}}
    newest = {"OpenStack-API-Version": "volume latest"}
    await world.admin("PUT", f"{VOLUME}/default-types/{project}", default, headers=newest)
    await user("POST", f"{VOLUME}/volumes", {"volume": {"size": 1, "volume_type": type_id}})
    made = {"group_type": {"name": project[:6]}}
    await world.admin("POST", f"{VOLUME}/group_types", made, headers=newest)
    group = {"group": {"group_type": project[:6], "volume_types": [type_id]}}
    await user("POST", f"{VOLUME}/groups", group, headers=newest)
