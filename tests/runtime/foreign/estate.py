"""What a project owns in a whole cloud, by the table it lies in, and ids of nothing to compare with."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from tests.runtime.world import (
    COMPUTE,
    IDENTITY,
    NETWORK,
    VOLUME,
    User,
    World,
    a_project,
    log_in,
    one_of_everything,
)

from cumulo.core import clock
from cumulo.core.db.model import HOMES, METADATA
from cumulo.runtime.composition import Composition
from cumulo.services.block_storage.model import (
    Backup,
    BackupStatus,
    GroupSnapshot,
    GroupSnapshotStatus,
    Message,
    Snapshot,
    SnapshotStatus,
    Transfer,
    Volume,
    VolumeAttachment,
    VolumeStatus,
)
from cumulo.services.compute.model import Migration
from cumulo.services.identity.model import AccessToken, Consumer
from cumulo.services.image.model import ImageTask
from cumulo.services.network.model import NdpProxy

OWNERS = ("project_id", "owner", "user_id", "target_id", "trustor_user_id")
KEYS = {"compute_keypairs": "name", "image_metadef_namespaces": "namespace"}
ALIVE = ("tasks_", "identity_refused", "identity_audit", "identity_revisions", "identity_login_records")
"""Tables that change by themselves, or that keep note of what was refused."""

PERSONAS = ("manager", "member", "reader")


@dataclass
class Estate:
    """A project with one of everything. `ids`: table → id of the one; `people`: role → client."""

    project: str
    user: str
    ids: dict[str, str]
    people: dict[str, User]


def own_tables() -> list[sqlalchemy.Table]:
    return [table for table in METADATA.sorted_tables if HOMES[table.name].startswith("cumulo.")]


def nothing_like(known: str) -> str:
    """Return an id of the same form that nothing has."""
    if re.fullmatch(r"[0-9a-f]{32}", known):
        return uuid.uuid4().hex
    if re.fullmatch(r"[0-9a-f-]{36}", known):
        return str(uuid.uuid4())
    return f"{uuid.uuid4().hex[: max(3, len(known))]}"


async def an_estate(world: World, name: str) -> Estate:
    """Make a project with one of everything and a user of each persona."""
    project, user, http = await a_project(world, name)
    await one_of_everything(world, project, user, http)
    ids = await _ids(world.cloud, project, user)
    await _by_operators(world, ids)
    await _in_the_tables(world.cloud, project, user, ids)
    await world.cloud.tasks.settle()
    ids = await _ids(world.cloud, project, user) | ids
    ids["token"] = http.http.headers["X-Auth-Token"]
    people = {role: await _persona(world, project, f"{name}-{role}", role) for role in PERSONAS}
    manager = await world.admin("GET", f"{IDENTITY}/users?name={name}-manager")
    ids["me"] = manager["users"][0]["id"]
    return Estate(project, user, ids, people)


async def _persona(world: World, project: str, name: str, role: str) -> User:
    admin = world.admin
    user = (await admin("POST", f"{IDENTITY}/users", {"user": {"name": name, "password": name}}))["user"]
    role_id = (await admin("GET", f"{IDENTITY}/roles?name={role}"))["roles"][0]["id"]
    await admin("PUT", f"{IDENTITY}/projects/{project}/users/{user['id']}/roles/{role_id}")
    shown = await admin("GET", f"{IDENTITY}/projects/{project}")
    return await log_in(world.cloud, name, name, shown["project"]["name"])


async def _ids(cloud: Composition, project: str, user: str) -> dict[str, str]:
    """Return the id of the first row in each table that the project or its user owns."""
    found = {"identity_projects": project, "identity_users": user}
    async with cloud.database.read() as db:
        for table in own_tables():
            key = KEYS.get(table.name, "id")
            owners = [table.c[name] for name in OWNERS if name in table.c]
            if key not in table.c or not owners or table.name in found:
                continue
            mine = sqlalchemy.or_(*(column.in_((project, user)) for column in owners))
            rows = await db.rows(sqlalchemy.select(table.c[key]).where(mine).order_by(table.c[key]).limit(1))
            found.update((table.name, str(value)) for (value,) in rows)
    return found


async def _by_operators(world: World, ids: dict[str, str]) -> None:
    """Make what belongs to a project by what it hangs on, and is not in a column of its table."""
    policy = ids["network_qos_policies"]
    for kind, rule in (("bandwidth_limit", {"max_kbps": 1000}), ("dscp_marking", {"dscp_mark": 10})):
        body = {f"{kind}_rule": rule}
        made = await world.admin("POST", f"{NETWORK}/qos/policies/{policy}/{kind}_rules", body)
        ids[f"network_qos_rules:{kind}"] = made[f"{kind}_rule"]["id"]
    ids["block_storage_types"] = (await world.admin("GET", f"{VOLUME}/default-types", headers=NEWEST))[
        "default_types"
    ][-1]["volume_type_id"]
    server = ids["compute_servers"]
    ids["network_ports"] = (await world.admin("GET", f"{NETWORK}/ports?device_id={server}"))["ports"][0]["id"]
    subnets = await world.admin("GET", f"{NETWORK}/subnets?network_id={ids['network_networks']}")
    ids["network_subnets"] = subnets["subnets"][0]["id"]
    spare = await world.admin("GET", f"{NETWORK}/ports?project_id={ids['identity_projects']}&device_owner=")
    ids["spare"] = next(port["id"] for port in spare["ports"] if not port["device_id"])
    ids["outside"], ids["group_type"] = world.outside, ids["identity_projects"][:6]
    await world.admin("POST", f"{COMPUTE}/servers/{server}/action", {"unlock": None})
    quota = {"quota_set": {"cores": 99, "instances": 99, "ram": 99999}}
    await world.admin("PUT", f"{COMPUTE}/os-quota-sets/{ids['identity_projects']}", quota)
    floating = await world.admin("GET", f"{NETWORK}/floatingips?project_id={ids['identity_projects']}")
    ids["forwarding"] = next(each["id"] for each in floating["floatingips"] if not each["port_id"])
    group = {"group": {"name": f"group-{ids['identity_projects'][:6]}", "domain_id": "default"}}
    ids["identity_groups"] = (await world.admin("POST", f"{IDENTITY}/groups", group))["group"]["id"]
    await world.admin("PUT", f"{IDENTITY}/groups/{ids['identity_groups']}/users/{ids['identity_users']}")


NEWEST = {"OpenStack-API-Version": "volume latest"}


async def _in_the_tables(cloud: Composition, project: str, user: str, ids: Mapping[str, str]) -> None:
    """Put there what only engines make, or what takes a client of another kind."""
    whose: dict[str, Any] = {"project_id": project, "user_id": user}
    volume, server = ids["block_storage_volumes"], ids["compute_servers"]
    group = {"group_id": ids["block_storage_groups"], "group_type_id": "x"}
    proxy = {
        "router_id": ids["network_routers"],
        "port_id": ids["network_ports"],
        "ip_address": "2001:db8::1",
    }
    consumer = Consumer(sealed=b"")
    rows = [
        Snapshot(volume_id=volume, size=1, status=SnapshotStatus.AVAILABLE, **whose),
        Backup(volume_id=volume, size=1, location=volume, status=BackupStatus.AVAILABLE, **whose),
        GroupSnapshot(status=GroupSnapshotStatus.AVAILABLE, **group, **whose),
        Transfer(volume_id=volume, project_id=project, salt=b"", key_hash=b""),
        VolumeAttachment(volume_id=volume, project_id=project, server_id=server),
        Message(
            project_id=project,
            request_id="",
            resource_type="VOLUME",
            resource_id=volume,
            event_id="VOLUME_1",
            text="text",
            expires_at=clock.now().replace(year=9000),
        ),
        Migration(server_id=server, kind="migration", status="finished", **whose),
        NdpProxy(project_id=project, **proxy),
        ImageTask(type="import", owner=project, image_id=ids["image_images"], user_id=user),
        consumer,
        AccessToken(consumer_id=consumer.id, user_id=user, project_id=project, sealed=b""),
    ]
    async with cloud.database.begin() as tx:
        for row in rows:
            await tx.insert(row)
        stored = await tx.get(Volume, volume)
        assert stored is not None
        stored.status = VolumeStatus.AVAILABLE  # on fakes no pool holds it
        await tx.save(stored, "status")


async def lines(cloud: Composition, estate: Estate) -> dict[str, list[str]]:
    """Return all rows, as text, that name something of the estate; those that only a token changes aside."""
    own = {value for name, value in estate.ids.items() if name != "outside"}  # that network is nobody's
    marks = {estate.project, estate.user, *(mark for mark in own if len(mark) >= 32)}  # ids, not names
    found = {}
    async with cloud.database.read() as db:
        for table in own_tables():
            if table.name.startswith(ALIVE):
                continue
            shown = [
                column
                if isinstance(column.type, sqlalchemy.LargeBinary)
                else sqlalchemy.cast(column, sqlalchemy.Text)
                for column in table.c
            ]
            rows = [repr(row) for row in await db.rows(sqlalchemy.select(*shown))]
            found[table.name] = sorted(row for row in rows if any(mark in row for mark in marks))
    return found
