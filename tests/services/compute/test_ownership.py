"""Servers of a project go, locked and broken ones too, and its access to private flavors ends."""

from tests.services.compute.test_together import COMPUTE, WholeCloud, a_network, a_server, cloud

from cumulo.core.drivers import Permanent
from cumulo.services.compute.ownership import ServersOwned
from cumulo.testing.ownership import check_ownership

__all__ = ["cloud"]


async def grant(cloud: WholeCloud, project_id: str) -> None:
    body = {"addTenantAccess": {"tenant": project_id}}
    answer = await cloud.admin().post(f"{COMPUTE}/flavors/private/action", json=body)
    assert answer.status_code == 200, answer.text


async def test_servers_and_access_to_flavors_go(cloud: WholeCloud):
    flavor = {"name": "private", "id": "private", "ram": 1, "vcpus": 1, "disk": 1}
    hidden = {"flavor": {**flavor, "os-flavor-access:is_public": False}}
    await cloud.admin().post(f"{COMPUTE}/flavors", json=hidden)
    for project_id in ("p1", "p2"):
        client = cloud.member(project_id)
        server_id = await a_server(client, networks=[{"uuid": await a_network(client)}])
        await cloud.settle()
        locked = await client.post(f"{COMPUTE}/servers/{server_id}/action", json={"lock": None})
        assert locked.status_code == 202, locked.text
        await grant(cloud, project_id)
    guests = set(cloud.host.guests_by_id)
    group = {"server_group": {"name": "near", "policies": ["anti-affinity"]}}
    for project in ("p1", "p2"):
        await cloud.member(project).post(f"{COMPUTE}/os-server-groups", json=group)
    kinds = await check_ownership(cloud.tasks, ServersOwned(), "p1", "p2")
    assert kinds == ["flavor access", "server", "server group"]
    assert cloud.host.guests_by_id.keys() == guests & {server_id}
    assert (await cloud.admin().get(f"{COMPUTE}/servers/{server_id}")).json()["server"]["status"] == "ACTIVE"


async def test_a_server_that_does_not_go_says_why(cloud: WholeCloud):
    client = cloud.member("p1")
    await a_server(client, networks=[{"uuid": await a_network(client)}])
    await cloud.settle()
    cloud.host.fail("remove", Permanent("the disk is stuck"))
    async with cloud.database.read() as db:
        (thing,) = await ServersOwned().owned(db, "p1")
    async with cloud.tasks.work() as work:
        await ServersOwned().remove(work, "p1", thing)
    async with cloud.database.read() as db:
        (thing,) = await ServersOwned().owned(db, "p1")
    assert thing.leaving
    await cloud.settle()
    async with cloud.database.read() as db:
        (thing,) = await ServersOwned().owned(db, "p1")
    assert (thing.leaving, thing.problem) == (False, "the disk is stuck")
