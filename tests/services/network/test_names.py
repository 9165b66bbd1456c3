"""Names in DNS: of ports, in their network's domain."""

import pytest

from cumulo.services.network.drivers.specs import Kind


async def test_a_port_is_known_by_its_name_in_its_networks_domain(member, cloud, driver):
    network = await member.create("network", dns_domain="shop.example.")
    await member.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
    port = await member.create("port", network_id=network["id"], dns_name="web")
    (ip,) = [entry["ip_address"] for entry in port["fixed_ips"]]
    assert port["dns_assignment"] == [{"ip_address": ip, "hostname": "web", "fqdn": "web.shop.example."}]
    await cloud.tasks.settle()
    back = ".".join(reversed(ip.split("."))) + ".in-addr.arpa"
    names = dict(driver.specs[Kind.PORT, port["id"]].names)
    assert names == {"web": ip, "web.shop.example": ip, back: "web.shop.example"}
    change = {"network": {"dns_domain": ""}}
    await member.call("PUT", f"/networks/{network['id']}", change, expect=200)
    await cloud.tasks.settle()
    assert dict(driver.specs[Kind.PORT, port["id"]].names)["web.cumulo.internal"] == ip


async def test_a_port_without_a_name_has_one_of_its_address_that_nobody_is_told(member, cloud, driver):
    network = await member.create("network")
    await member.create("subnet", network_id=network["id"], cidr="10.0.0.0/24", ip_version=4)
    port = await member.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "10.0.0.7"}])
    assert port["dns_assignment"][0]["fqdn"] == "host-10-0-0-7.cumulo.internal."
    await cloud.tasks.settle()
    assert driver.specs[Kind.PORT, port["id"]].names == ()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("network", {"dns_domain": "example.org"}),
        ("network", {"dns_domain": "exa mple."}),
        ("port", {"dns_name": "-web"}),
        ("port", {"dns_name": "a" * 64}),
    ],
)
async def test_what_is_no_name_is_refused(member, kind, values):
    network = await member.create("network")
    where = {"network_id": network["id"]} if kind == "port" else {}
    refused = await member.create(kind, expect=400, **where, **values)
    assert "dns_" in refused["message"]


async def test_guests_are_told_their_networks_domain_and_whom_to_ask(member, driver, cloud):
    network = await member.create("network", dns_domain="home.example.")
    made = await member.create("subnet", network_id=network["id"], ip_version=4, cidr="10.5.0.0/24")
    await cloud.tasks.settle()
    spec = driver.specs[Kind.SUBNET, made["id"]]
    assert (spec.domain, spec.dns) == ("home.example", (spec.metadata_address,))
    away = {"network": {"dns_domain": "away.example."}}
    await member.call("PUT", f"/networks/{network['id']}", away, expect=200)
    own = {"subnet": {"dns_nameservers": ["192.0.2.53"]}}
    await member.call("PUT", f"/subnets/{made['id']}", own, expect=200)
    await cloud.tasks.settle()
    spec = driver.specs[Kind.SUBNET, made["id"]]
    assert (spec.domain, spec.dns) == ("away.example", ("192.0.2.53",))
