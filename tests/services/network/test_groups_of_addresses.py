"""Address groups, stateless groups, and the rules that new groups begin with."""

from cumulo.services.network.drivers.specs import Kind


async def test_a_rule_names_an_address_group(member, cloud, driver):
    made = await member.create("address_group", name="offices", addresses=["192.0.2.1/32", "2001:db8::/32"])
    assert made["addresses"] == ["192.0.2.1/32", "2001:db8::/32"]
    group = await member.create("security_group", name="web")
    values = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    rule = await member.create(
        "security_group_rule",
        **values,
        port_range_min=22,
        port_range_max=22,
        remote_address_group_id=made["id"],
    )
    assert rule["remote_address_group_id"] == made["id"]
    both = await member.create(
        "security_group_rule",
        expect=400,
        **values,
        remote_address_group_id=made["id"],
        remote_group_id=group["id"],
    )
    assert both["type"] == "SecurityGroupMultipleRemoteEntites"
    await cloud.tasks.settle()
    assert driver.specs[Kind.ADDRESS_GROUP, made["id"]].cidrs == ("192.0.2.1/32", "2001:db8::/32")
    spec = driver.specs[Kind.SECURITY_GROUP, group["id"]]
    assert made["id"] in {each.remote_addresses for each in spec.rules}
    path = f"/address-groups/{made['id']}"
    used = await member.delete(path, expect=409)
    assert used["NeutronError"]["type"] == "AddressGroupInUse"
    await member.delete(f"/security-group-rules/{rule['id']}")
    await member.delete(path)
    await cloud.tasks.settle()
    assert (Kind.ADDRESS_GROUP, made["id"]) not in driver.specs


async def test_a_remote_group_that_is_no_id_is_not_found(member):
    group = await member.create("security_group")
    values = {"security_group_id": group["id"], "direction": "ingress"}
    lost = await member.create("security_group_rule", expect=404, **values, remote_group_id="bad_group_id")
    assert lost["type"] == "SecurityGroupNotFound"
    bad = await member.create("security_group_rule", expect=400, **values, remote_address_group_id="bad")
    assert "remote_address_group_id" in bad["message"]


async def test_addresses_come_and_go(member):
    made = await member.create("address_group", addresses=["192.0.2.1/32"])
    path = f"/address-groups/{made['id']}"
    added = await member.call("PUT", f"{path}/add_addresses", {"addresses": ["10.0.0.0/8"]}, expect=200)
    assert added["address_group"]["addresses"] == ["192.0.2.1/32", "10.0.0.0/8"]
    again = await member.call("PUT", f"{path}/add_addresses", {"addresses": ["10.0.0.0/8"]}, expect=400)
    assert again["NeutronError"]["type"] == "AddressesAlreadyExist"
    left = await member.call("PUT", f"{path}/remove_addresses", {"addresses": ["192.0.2.1/32"]}, expect=200)
    assert left["address_group"]["addresses"] == ["10.0.0.0/8"]
    await member.call("PUT", f"{path}/remove_addresses", {"addresses": ["192.0.2.1/32"]}, expect=404)
    for text in ("everywhere", "192.0.2.1", "300.0.0.0/8"):
        bad = await member.call("PUT", f"{path}/add_addresses", {"addresses": [text]}, expect=400)
        assert f"'{text}'" in bad["NeutronError"]["message"]


async def test_another_project_names_an_address_group_only_when_it_is_shared(member, other):
    made = await member.create("address_group", addresses=["192.0.2.1/32"])
    group = await other.create("security_group")
    values = {"security_group_id": group["id"], "direction": "ingress", "remote_address_group_id": made["id"]}
    refused = await other.create("security_group_rule", expect=404, **values)
    assert refused["type"] == "AddressGroupNotFound"
    share = {"object_type": "address_group", "object_id": made["id"], "action": "access_as_shared"}
    body = {"rbac_policy": {**share, "target_tenant": "p2"}}
    policy = await member.call("POST", "/rbac-policies", body, expect=201)
    rule = await other.create("security_group_rule", **values)
    path = f"/rbac-policies/{policy['rbac_policy']['id']}"
    await member.delete(path, expect=409)
    await other.delete(f"/security-group-rules/{rule['id']}")
    await member.delete(path)


async def test_a_stateless_group_is_one_to_the_data_plane_and_changes_only_while_unused(
    member, cloud, driver
):
    group = await member.create("security_group", stateful=False)
    assert group["stateful"] is False
    await cloud.tasks.settle()
    assert driver.specs[Kind.SECURITY_GROUP, group["id"]].stateful is False
    network = await member.create("network")
    port = await member.create("port", network_id=network["id"], security_groups=[group["id"]])
    path, body = f"/security-groups/{group['id']}", {"security_group": {"stateful": True}}
    await member.call("PUT", path, body, expect=409)
    await member.delete(f"/ports/{port['id']}")
    assert (await member.call("PUT", path, body, expect=200))["security_group"]["stateful"] is True


async def test_new_groups_begin_with_what_the_administrator_says(member, admin):
    path = "/default-security-group-rules"
    shipped = (await member.show(path))["default_security_group_rules"]
    assert len(shipped) == 4
    values = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
    await member.create("default_security_group_rule", expect=403, **values)
    made = await admin.create("default_security_group_rule", **values)
    (v6,) = [r for r in shipped if r["direction"] == "egress" and r["ethertype"] == "IPv6"]
    await admin.delete(f"{path}/{v6['id']}")
    await admin.show(f"{path}/{v6['id']}", expect=404)
    group = await member.create("security_group")
    rules = {(r["direction"], r["ethertype"], r["protocol"]) for r in group["security_group_rules"]}
    assert rules == {("egress", "IPv4", None), ("ingress", "IPv4", "tcp")}
    (default,) = (await member.show("/security-groups?name=default"))["security_groups"]
    own = [r for r in default["security_group_rules"] if r["direction"] == "ingress"]
    assert {r["remote_group_id"] for r in own} == {default["id"]}
    assert all(r["belongs_to_default_sg"] for r in own)
    await admin.delete(f"{path}/{made['id']}")
    later = await member.create("security_group")
    assert [r["ethertype"] for r in later["security_group_rules"]] == ["IPv4"]
