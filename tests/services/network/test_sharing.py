"""RBAC policies over HTTP, and the standard attributes' filters and conditions."""

import pytest


@pytest.fixture
async def network(member):
    made = await member.create("network", name="net")
    await member.create("subnet", network_id=made["id"], cidr="10.0.0.0/24", ip_version=4)
    return made


async def share(client, kind, id_, target, *, action="access_as_shared", expect=201):
    body = {"object_type": kind, "object_id": id_, "action": action, "target_tenant": target}
    made = await client.call("POST", "/rbac-policies", {"rbac_policy": body}, expect=expect)
    return made["rbac_policy"] if expect == 201 else made["NeutronError"]


async def test_a_network_is_shared_with_one_project(member, other, cloud, network):
    path = f"/networks/{network['id']}"
    policy = await share(member, "network", network["id"], "p2")
    assert policy["target_tenant"] == "p2"
    assert policy["project_id"] == "p1"
    assert (await other.show(path))["network"]["shared"] is True
    assert (await member.show(path))["network"]["shared"] is False
    assert [n["id"] for n in (await other.show("/networks?shared=true"))["networks"]] == [network["id"]]
    assert (await other.show("/networks?shared=false"))["networks"] == []
    third = type(member)(cloud.member("p3"))
    await third.show(path, expect=404)
    port = await other.create("port", network_id=network["id"])
    assert port["project_id"] == "p2"
    refused = await member.delete(f"/rbac-policies/{policy['id']}", expect=409)
    assert refused["NeutronError"]["type"] == "RbacPolicyInUse"
    assert "p2" in refused["NeutronError"]["message"]
    await other.delete(f"/ports/{port['id']}")
    await member.delete(f"/rbac-policies/{policy['id']}")
    await other.show(path, expect=404)


async def test_only_an_administrator_shares_with_everyone(member, admin, other, network):
    refused = await share(member, "network", network["id"], "*", expect=403)
    assert refused["type"] == "PolicyNotAuthorized"
    policy = await share(admin, "network", network["id"], "*")
    assert (await other.show(f"/networks/{network['id']}"))["network"]["shared"] is True
    again = await share(admin, "network", network["id"], "*", expect=409)
    assert again["type"] == "RbacPolicyExists"
    path = f"/networks/{network['id']}"
    unshared = await admin.call("PUT", path, {"network": {"shared": False}}, expect=200)
    assert unshared["network"]["shared"] is False
    await admin.show(f"/rbac-policies/{policy['id']}", expect=404)


async def test_a_share_goes_to_another_project_once_the_first_needs_it_no_more(member, other, network):
    policy = await share(member, "network", network["id"], "p2")
    path = f"/rbac-policies/{policy['id']}"
    port = await other.create("port", network_id=network["id"])
    body = {"rbac_policy": {"target_tenant": "p3"}}
    await member.call("PUT", path, body, expect=409)
    await other.delete(f"/ports/{port['id']}")
    changed = await member.call("PUT", path, body, expect=200)
    assert changed["rbac_policy"]["target_tenant"] == "p3"
    await other.show(path, expect=404)


async def test_a_policy_is_its_owners_to_see_and_what_is_shared_not_to_be_shared_on(
    member, other, cloud, network
):
    policy = await share(member, "network", network["id"], "p2")
    assert (await other.show("/rbac-policies"))["rbac_policies"] == []
    await other.delete(f"/rbac-policies/{policy['id']}", expect=404)
    refused = await share(other, "network", network["id"], "p3", expect=400)
    assert refused["type"] == "BadRequest"
    refused = await share(type(member)(cloud.member("p3")), "network", network["id"], "p3", expect=404)
    assert refused["type"] == "RbacObjectNotFound"


async def test_sharing_is_a_new_revision_of_what_is_shared(member, network):
    async def revision():
        return (await member.show(f"/networks/{network['id']}"))["network"]["revision_number"]

    first = await revision()
    policy = await share(member, "network", network["id"], "p2")
    assert await revision() == first + 1
    body = {"rbac_policy": {"target_tenant": "p3"}}
    await member.call("PUT", f"/rbac-policies/{policy['id']}", body, expect=200)
    assert await revision() == first + 2
    await member.delete(f"/rbac-policies/{policy['id']}")
    assert await revision() == first + 3


async def test_the_default_way_out_stays_everyones(admin):
    way = await admin.create("network", is_default=True, **{"router:external": True})
    (policy,) = (await admin.show(f"/rbac-policies?object_id={way['id']}"))["rbac_policies"]
    refused = await admin.delete(f"/rbac-policies/{policy['id']}", expect=409)
    assert refused["NeutronError"]["type"] == "DefaultExternalNetwork"
    await admin.call("PUT", f"/networks/{way['id']}", {"network": {"is_default": False}}, expect=200)
    await admin.delete(f"/rbac-policies/{policy['id']}")


async def test_subnets_are_found_by_whether_their_network_is_shared(member, other, network):
    async def found(client, shared):
        return [
            subnet["network_id"] for subnet in (await client.show(f"/subnets?shared={shared}"))["subnets"]
        ]

    await share(member, "network", network["id"], "p2")
    assert (await found(other, "true"), await found(other, "false")) == ([network["id"]], [])
    assert (await found(member, "true"), await found(member, "false")) == ([], [network["id"]])


async def test_a_pool_is_shared_with_whom_its_address_scope_is_for(member, other, admin):
    scope = await admin.create("address_scope", ip_version=4)
    await share(admin, "address_scope", scope["id"], "p1")
    pool = await member.create("subnetpool", prefixes=["10.8.0.0/16"], address_scope_id=scope["id"])
    refused = await share(member, "subnetpool", pool["id"], "p2", expect=400)
    assert "p2" in refused["message"]
    policy = await share(admin, "address_scope", scope["id"], "p2")
    await share(member, "subnetpool", pool["id"], "p2")
    await other.show(f"/subnetpools/{pool['id']}")
    await admin.show(f"/rbac-policies/{policy['id']}")


async def test_the_owner_of_a_network_deletes_others_ports_on_it(member, other, network):
    await share(member, "network", network["id"], "p2")
    port = await other.create("port", network_id=network["id"])
    kept = await other.create("port", network_id=network["id"], device_owner="compute:nova")
    mine = await member.create("port", network_id=network["id"])
    await other.delete(f"/ports/{mine['id']}", expect=404)
    await member.delete(f"/ports/{port['id']}")
    await member.delete(f"/ports/{kept['id']}", expect=403)


async def test_a_network_is_external_to_one_project(member, other, admin, cloud):
    outside = await admin.create("network", name="outside")
    await admin.create("subnet", network_id=outside["id"], cidr="192.0.2.0/24", ip_version=4)
    policy = await share(admin, "network", outside["id"], "p1", action="access_as_external")
    seen = await member.show(f"/networks/{outside['id']}")
    assert seen["network"]["router:external"] is True
    await other.show(f"/networks/{outside['id']}", expect=404)
    router = await member.create("router", external_gateway_info={"network_id": outside["id"]})
    await admin.delete(f"/rbac-policies/{policy['id']}", expect=409)
    await member.delete(f"/routers/{router['id']}")
    await admin.delete(f"/rbac-policies/{policy['id']}")
    closed = await admin.show(f"/networks/{outside['id']}")
    assert closed["network"]["router:external"] is False


async def test_a_project_makes_no_network_external_by_sharing_it(member, network):
    refused = await share(member, "network", network["id"], "p2", action="access_as_external", expect=403)
    assert refused["type"] == "PolicyNotAuthorized"
    assert (await member.show(f"/networks/{network['id']}"))["network"]["router:external"] is False


async def test_a_group_and_a_pool_are_shared(member, other, network):
    group = await member.create("security_group", name="web")
    policy = await share(member, "security_group", group["id"], "p2")
    assert (await other.show(f"/security-groups/{group['id']}"))["security_group"]["shared"] is True
    await other.call("PUT", f"/security-groups/{group['id']}", {"security_group": {"name": "x"}}, expect=403)
    theirs = await other.create("network")
    port = await other.create("port", network_id=theirs["id"], security_groups=[group["id"]])
    await member.delete(f"/rbac-policies/{policy['id']}", expect=409)
    await other.delete(f"/ports/{port['id']}")
    await member.delete(f"/rbac-policies/{policy['id']}")
    pool = await member.create("subnetpool", prefixes=["10.8.0.0/16"], default_prefixlen=24)
    await share(member, "subnetpool", pool["id"], "p2")
    subnet = await other.create("subnet", network_id=theirs["id"], ip_version=4, subnetpool_id=pool["id"])
    assert subnet["cidr"] == "10.8.0.0/24"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"object_type": "router"}, "object_type 'router'"),
        ({"action": "access_as_root"}, "action 'access_as_root'"),
        ({"target_tenant": ""}, "target_tenant is empty"),
    ],
)
async def test_a_policy_that_means_nothing_is_refused(member, network, change, says):
    body = {"object_type": "network", "object_id": network["id"], "action": "access_as_shared"}
    body = {**body, "target_tenant": "p2", **change}
    refused = await member.call("POST", "/rbac-policies", {"rbac_policy": body}, expect=400)
    assert says in refused["NeutronError"]["message"]


async def test_a_change_may_be_held_to_a_revision(member, network):
    path = f"/networks/{network['id']}"
    current = (await member.show(path))["network"]["revision_number"]

    async def change(condition):
        url = f"/network/v2.0{path}"
        return await member.client.request(
            "PUT", url, json={"network": {"name": "new"}}, headers={"If-Match": condition}
        )

    stale = await change(f"revision_number={current + 1}")
    assert stale.status_code == 412
    assert stale.json()["NeutronError"]["type"] == "RevisionNumberConstraintFailed"
    assert (await change("current")).status_code == 400
    assert (await change(f"revision_number={current}")).status_code == 200
    assert (await change(f"revision_number={current}")).status_code == 412


async def test_resources_are_found_by_their_tags_and_by_when_they_changed(member):
    for name, tags in (("a", ["red", "blue"]), ("b", ["red"]), ("c", [])):
        made = await member.create("network", name=name)
        await member.call("PUT", f"/networks/{made['id']}/tags", {"tags": tags}, expect=200)

    async def names(query):
        found = (await member.show(f"/networks?{query}&sort_key=name&sort_dir=asc"))["networks"]
        return "".join(network["name"] for network in found)

    assert await names("tags=red,blue") == "a"
    assert await names("tags-any=red,blue") == "ab"
    assert await names("not-tags=red,blue") == "bc"
    assert await names("not-tags-any=red,blue") == "c"
    assert await names("tags=re") == ""
    assert await names("changed_since=2000-01-01T00:00:00") == "abc"
    assert await names("changed_since=2100-01-01T00:00:00") == ""
