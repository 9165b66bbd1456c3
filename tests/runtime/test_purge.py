"""Purging a project of a whole cloud: no row is left, and nothing of another's is lost."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy

from cumulo.core.db.model import HOMES, METADATA
from cumulo.runtime.composition import Composition, compose
from cumulo.runtime.services import all_services
from cumulo.runtime.state import StateFolder
from cumulo.testing.database import Cluster

SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n[database]\nurl = "{url}"\n'
NETWORK, IMAGE, COMPUTE, IDENTITY = "/network/v2.0", "/image/v2", "/compute/v2.1", "/identity/v3"
VOLUME = "/volume/v3"
HISTORY = {
    "compute_migrations",
    "compute_server_actions",
    "compute_servers",  # deleted ones, for changes-since and usage
    "identity_audit_events",
    "tasks_parts",
    "tasks_tasks",
}
"""Tables that tell of what was: a purged project may stand there."""

OWNERS = {"project_id", "owner", "member_id", "owner_project_id", "tenant_id"}
"""Columns that say whose a row is."""

NOT_MADE = {
    "block_storage_attachments",
    "block_storage_backups",
    "block_storage_group_snapshots",
    "block_storage_messages",
    "block_storage_snapshots",
    "block_storage_transfers",
    "compute_migrations",
    "compute_server_actions",
    "identity_access_tokens",
    "identity_request_tokens",
    "image_tasks",
    "network_topologies",
}
"""Tables with such a column that `one_of_everything` makes no row of; services' own tests do."""


class User:
    """A client with a token that says what was wrong when a call was refused."""

    def __init__(self, cloud: Composition, token: str = "") -> None:
        transport = httpx.ASGITransport(cloud.app)
        headers = {"X-Auth-Token": token, "OpenStack-API-Version": "compute 2.79, placement 1.39"}
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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Composition]:
    url = ""
    if request.param == "postgresql":
        cluster: Cluster | None = request.getfixturevalue("postgresql")
        if cluster is None:
            pytest.skip("no PostgreSQL server on this machine")
        url = cluster.url(await cluster.new())
    async with running(StateFolder(tmp_path), url) as made:
        yield made


@asynccontextmanager
async def running(state: StateFolder, url: str) -> AsyncIterator[Composition]:
    """Give a cloud of all services in this process."""
    state.config.write_text(SETTINGS.format(url=url))
    made = await compose(state)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


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
    await user("POST", f"{COMPUTE}/os-keypairs", {"keypair": {"name": "k", "type": "ssh"}})
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
    ports = {"internal_port_id": port, "internal_port": 80, "external_port": 8080, "protocol": "tcp"}
    path = f"{NETWORK}/floatingips/{address}/port_forwardings"
    await user("POST", path, {"port_forwarding": ports})
    await user("POST", f"{NETWORK}/trunks", {"trunk": {"port_id": port}})
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


async def share(one: User, image_path: str, project: str) -> None:
    await one("POST", f"{image_path}/members", {"member": project})


def tables() -> Iterator[sqlalchemy.Table]:
    """Return the tables of the cloud itself, by name; other tests may have made models of their own."""
    yield from (table for table in METADATA.sorted_tables if HOMES[table.name].startswith("cumulo."))


async def rows_of(cloud: Composition, project: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row in which a project's id stands, in whichever column, by its table."""
    found = {}
    async with cloud.database.read() as db:
        for table in tables():
            texts = [
                sqlalchemy.cast(column, sqlalchemy.Text)
                for column in table.c
                if not isinstance(column.type, sqlalchemy.LargeBinary)
            ]
            named = sqlalchemy.or_(*[text.contains(project) for text in texts])
            rows = await db.rows(sqlalchemy.select(*texts).where(named).order_by(*texts))
            if rows:
                found[table.name] = rows
    return found


def of_projects() -> set[str]:
    """Return the names of the tables with a column that says whose a row is."""
    of_processes = {"tasks_duties"}  # what `owner` means there
    return {table.name for table in tables() if OWNERS & set(table.c.keys())} - of_processes


async def test_no_row_of_a_purged_project_is_left_and_nothing_of_another_changes(cloud: Composition):
    world = await World.of(cloud)
    doomed, doomed_user, user = await a_project(world, "doomed")
    kept, kept_user, other = await a_project(world, "kept")
    gone = await one_of_everything(world, doomed, doomed_user, user)
    stays = await one_of_everything(world, kept, kept_user, other)
    await share(other, stays["image"], doomed)
    before = await rows_of(cloud, doomed)
    missing = of_projects() - before.keys() - NOT_MADE
    assert not missing, f"no row was made in {missing}, so this proves nothing of them"
    others = await rows_of(cloud, kept)
    await share(user, gone["image"], kept)
    path = f"{IDENTITY}/OS-CUMULO/projects/{doomed}/purge"
    listed = (await world.admin("POST", path, {"dry_run": True}))["purge"]["owned"]
    assert {"compute", "image", "network", "placement", "identity"} <= {each["service"] for each in listed}
    promised = (await world.admin("POST", path, {}))["purge"]["operation_id"]
    await cloud.tasks.settle()
    operation = (await world.admin("GET", f"/operations/{promised}"))["operation"]
    assert operation["state"] == "done", operation
    left = await rows_of(cloud, doomed)
    assert left.keys() <= HISTORY, left
    after = await rows_of(cloud, kept)
    for name, rows in others.items():
        assert name in HISTORY or after[name] == rows, name
    for seen in stays.values():
        await other("GET", seen)
    assert (await user.http.get(gone["server"])).status_code == 401
    assert (await world.admin.http.get(gone["image"])).status_code == 404


async def test_a_project_that_is_kept_starts_anew(cloud: Composition):
    world = await World.of(cloud)
    project, user_id, user = await a_project(world, "emptied")
    await one_of_everything(world, project, user_id, user)
    path = f"{IDENTITY}/OS-CUMULO/projects/{project}/purge"
    await world.admin("POST", path, {"keep_project": True})
    await cloud.tasks.settle()
    again = await log_in(cloud, "emptied", "emptied", "emptied")
    assert (await again("GET", f"{COMPUTE}/servers"))["servers"] == []
    (default,) = (await again("GET", f"{NETWORK}/security-groups"))["security_groups"]
    assert default["name"] == "default"
    assert (await again("GET", f"{COMPUTE}/os-quota-sets/{project}"))["quota_set"]["cores"] == 7
    assert (await again("GET", f"{COMPUTE}/os-keypairs"))["keypairs"]


def test_every_service_that_keeps_things_of_projects_says_what():
    silent = {service.name for service in all_services() if service.owned is None}
    keeping = {name for name in silent for table in of_projects() if table.startswith(f"{name}_")}
    assert keeping == set()
