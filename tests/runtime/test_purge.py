"""Purging a project of a whole cloud: no row is left, and nothing of another's is lost."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from tests.runtime.world import (
    COMPUTE,
    IDENTITY,
    NETWORK,
    User,
    World,
    a_project,
    log_in,
    one_of_everything,
    running,
)

from cumulo.core.db.model import HOMES, METADATA
from cumulo.runtime.composition import Composition
from cumulo.runtime.services import all_services
from cumulo.runtime.state import StateFolder
from cumulo.testing.database import Cluster

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
    "network_ndp_proxies",
    "network_topologies",
}
"""Tables with such a column that `one_of_everything` makes no row of; services' own tests do."""


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
