"""What looks like an address or a number to Python, and is none on the wire."""

import asyncio
from typing import Any

import pytest

ZONE = "fd01::5%x"  # RFC 4007: a zone is one host's own word


@pytest.fixture
async def network(member):
    made = await member.create("network", name="net")
    await member.create("subnet", network_id=made["id"], cidr="fd01::/64", ip_version=6)
    return made["id"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("subnet", {"cidr": "fd02::%x/64"}),
        ("subnet", {"cidr": "fd02::/64", "gateway_ip": "fd02::1%x"}),
        ("subnet", {"cidr": "fd02::/64", "dns_nameservers": [ZONE]}),
        (
            "subnet",
            {"cidr": "fd02::/64", "host_routes": [{"destination": "fd09::%y/64", "nexthop": "fd02::7"}]},
        ),
        ("subnet", {"cidr": "fd02::/64", "allocation_pools": [{"start": "fd02::5%a", "end": "fd02::9"}]}),
        ("port", {"fixed_ips": [{"ip_address": ZONE}]}),
        ("port", {"allowed_address_pairs": [{"ip_address": ZONE}]}),
        ("port", {"allowed_address_pairs": [{"ip_address": "fd01::6", "mac_address": "nonsense"}]}),
        ("port", {"mac_address": "fa:16:3e:00:00:01\n"}),
        ("port", {"qos_policy_id": "11111111-2222-4333-8444-555555555555\n"}),
    ],
)
async def test_an_address_of_one_hosts_zone_is_refused(member, network, kind: str, values: dict[str, Any]):
    version = {"ip_version": 6} if kind == "subnet" else {}
    refused = await member.create(kind, expect=400, network_id=network, **version, **values)
    assert "valid" in refused["message"] or "neither" in refused["message"]


async def test_a_range_of_one_hosts_zone_is_refused_wherever_ranges_are(member, admin):
    await member.create("address_group", expect=400, name="a", addresses=["fd00::%x/64"])
    await member.create("subnetpool", expect=400, name="p", prefixes=["fd00::%x/48"])
    router = await member.create("router", name="r")
    route = [{"destination": "fd00::%x/64", "nexthop": ZONE}]
    await member.call("PUT", f"/routers/{router['id']}", {"router": {"routes": route}}, expect=400)
    label = {"metering_label": {"name": "m"}}
    made = await admin.call("POST", "/metering/metering-labels", label, expect=201)
    counted = {"direction": "ingress", "remote_ip_prefix": "fd00::%x/64"}
    counted["metering_label_id"] = made["metering_label"]["id"]
    await admin.call("POST", "/metering/metering-label-rules", {"metering_label_rule": counted}, expect=400)


async def test_a_rule_says_what_ovn_understands(member):
    group = await member.create("security_group", name="g")
    rule = {"security_group_id": group["id"], "direction": "ingress"}
    zone = {"ethertype": "IPv6", "remote_ip_prefix": "fd00::%x || ip/64"}
    await member.create("security_group_rule", expect=400, **rule, **zone)
    for protocol in ("²", "9" * 5000):
        await member.create("security_group_rule", expect=400, **rule, protocol=protocol)
    made = await member.create("security_group_rule", **rule, protocol="047")
    assert made["protocol"] == "47"


async def test_a_revision_that_is_none_is_refused(member):
    network = await member.create("network", name="net")
    refused = await member.client.put(
        f"/network/v2.0/networks/{network['id']}",
        json={"network": {"name": "other"}},
        headers={"If-Match": "revision_number=²".encode("latin-1")},
    )
    assert refused.status_code == 400
    other = await member.client.put(
        f"/network/v2.0/networks/{network['id']}",
        json={"network": {"name": "other"}},
        headers={"If-Match": f"revision_number={'9' * 5000}"},
    )
    assert other.status_code == 412


@pytest.mark.parametrize("cidr", ["255.255.255.255/32", "224.0.0.0/24", "127.0.0.0/8", "0.0.0.0/0"])
async def test_what_can_be_no_subnet_is_refused(member, cidr):
    network = await member.create("network", name="net")
    await member.create("subnet", expect=400, network_id=network["id"], ip_version=4, cidr=cidr)


async def test_subnets_that_are_made_at_once_overlap_with_none(member, admin):
    network = await member.create("network", name="net")
    body = {"subnet": {"network_id": network["id"], "ip_version": 4, "cidr": "10.0.0.0/24"}}
    clients = [member.client, admin.client] * 4  # of two projects: what one project makes, its quota counts
    calls = [client.post("/network/v2.0/subnets", json=body) for client in clients]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, *[400] * 7]
    ports = (await member.client.get(f"/network/v2.0/ports?network_id={network['id']}")).json()["ports"]
    assert len([port for port in ports if port["device_owner"] == "network:distributed"]) <= 1


async def test_a_profiles_text_is_an_operators_own_however_deep(admin):
    deep = '{"a":' + "[" * 40_000 + "]" * 40_000 + "}"
    for text in (deep, deep[:9_000], "no JSON"):
        body = {"service_profile": {"metainfo": text}}
        made = await admin.call("POST", "/service_profiles", body, expect=201)
        assert made["service_profile"]["metainfo"] == text


async def test_a_network_and_its_subnets_are_deleted_at_once(member):
    for _ in range(4):
        network = (await member.create("network"))["id"]
        paths = [f"/networks/{network}"]
        for number in range(3):
            cidr = f"10.{number}.0.0/24"
            made = await member.create("subnet", network_id=network, ip_version=4, cidr=cidr)
            paths.insert(0, f"/subnets/{made['id']}")
        answers = await asyncio.gather(*[member.client.delete(f"/network/v2.0{path}") for path in paths])
        assert {answer.status_code for answer in answers} <= {204, 404, 409}
        assert answers[-1].status_code == 204


async def test_rules_that_are_added_at_once_each_count_and_none_is_there_twice(member, admin):
    group = await member.create("security_group", name="g")
    same = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    bodies = [{"security_group_rule": {**same, "port_range_min": n, "port_range_max": n}} for n in (1, 2)]
    clients = (member.client, admin.client)  # of two projects: what one project makes, its quota counts
    calls = [c.post("/network/v2.0/security-group-rules", json=body) for body in bodies for c in clients]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    shown = (await member.show(f"/security-groups/{group['id']}"))["security_group"]
    assert shown["revision_number"] == group["revision_number"] + 2
