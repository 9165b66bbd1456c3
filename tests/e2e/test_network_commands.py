"""What the network service serves besides the plain things, by the official client."""

from collections.abc import Iterator
from typing import Any

import pytest

from cumulo.testing.commands import commanded_cloud
from cumulo.testing.official import OpenStack


@pytest.fixture(scope="module")
def admin() -> Iterator[OpenStack]:
    with commanded_cloud("network-commands") as cloud:
        yield cloud.admin


@pytest.fixture(scope="module")
def alice(admin: OpenStack) -> OpenStack:
    return admin.member("alice")


@pytest.fixture(scope="module")
def outside(admin: OpenStack) -> str:
    admin("network create", "outside", "--external", "--default")
    admin("subnet create", "outside", "--network", "outside", "--subnet-range", "192.0.2.0/24", "--no-dhcp")
    return "outside"


@pytest.fixture(scope="module")
def home(alice: OpenStack, outside: str) -> str:
    """Make a network behind a router."""
    alice("network create", "home", "--dns-domain", "home.example.")
    alice("subnet create", "home", "--network", "home", "--subnet-range", "10.0.0.0/24")
    alice("router create", "door", "--external-gateway", outside)
    alice("router add subnet", "door", "home")
    return "home"


def named(rows: list[dict[str, Any]], key: str = "Name") -> list[Any]:
    return [row[key] for row in rows]


def test_a_network_is_shared_with_one_project(admin: OpenStack, alice: OpenStack):
    admin("network create", "lent")
    alice.refused("network show", "lent")
    made = admin.json("network rbac create", "lent", "--type", "network", "--action", "access_as_shared",
                      "--target-project", "alice")  # fmt: skip
    assert alice.json("network show", "lent")["shared"] is True
    assert made["id"] not in named(alice.json("network rbac list"), "ID")  # whose the network is sees to it
    assert made["id"] in named(admin.json("network rbac list"), "ID")
    admin("network rbac delete", made["id"])
    alice.refused("network show", "lent")


def test_rules_name_groups_of_addresses(alice: OpenStack):
    alice("address group create", "offices", "--address", "192.0.2.0/24")
    alice("address group set", "offices", "--address", "198.51.100.0/24")
    alice("address group unset", "offices", "--address", "192.0.2.0/24")
    assert alice.json("address group show", "offices")["addresses"] == ["198.51.100.0/24"]
    alice("security group create", "web", "--stateless")
    assert alice.json("security group show", "web")["stateful"] is False
    alice("security group rule create", "web", "--remote-address-group", "offices")
    assert "in use" in alice.refused("address group delete", "offices")
    alice("security group delete", "web")
    alice("address group delete", "offices")


def test_new_groups_begin_with_the_administrators_rules(admin: OpenStack, alice: OpenStack):
    made = admin.json("default security group rule create", "--protocol", "tcp", "--dst-port", "22",
                      "--for-custom-sg")  # fmt: skip
    assert made["id"] in named(admin.json("default security group rule list"), "ID")
    alice("security group create", "ssh")
    assert "tcp" in named(alice.json("security group rule list", "ssh"), "IP Protocol")
    admin("default security group rule delete", made["id"])


def test_single_ports_of_a_floating_ip_are_forwarded(alice: OpenStack, home: str, outside: str):
    alice("port create", "web", "--network", home, "--dns-name", "web")
    shown = alice.json("port show", "web")
    assert shown["dns_assignment"][0]["fqdn"] == "web.home.example."
    address = alice.json("floating ip create", outside)["floating_ip_address"]
    made = alice.json(
        "floating ip port forwarding create", address, "--port", "web", "--protocol", "tcp",
        "--internal-protocol-port", "80", "--external-protocol-port", "8080",
        "--internal-ip-address", shown["fixed_ips"][0]["ip_address"],
    )  # fmt: skip
    assert made["external_port"] == 8080
    alice("floating ip port forwarding set", address, made["id"], "--description", "the shop")
    (row,) = alice.json("floating ip port forwarding list", address)
    assert (row["External Port"], row["Description"]) == (8080, "the shop")
    alice("floating ip port forwarding delete", address, made["id"])
    assert alice.json("floating ip show", address)["status"] == "DOWN"


def test_ports_follow_qos_policies(admin: OpenStack, alice: OpenStack, home: str):
    admin("network qos policy create", "slow", "--share")
    rule = admin.json("network qos rule create", "slow", "--type", "bandwidth-limit", "--max-kbps", "1000",
                      "--egress")  # fmt: skip
    admin("network qos rule set", "slow", rule["id"], "--max-kbps", "2000")
    admin("network qos rule create", "slow", "--type", "dscp-marking", "--dscp-mark", "26")
    assert 2000 in named(admin.json("network qos rule list", "slow"), "Max Kbps")
    alice("port create", "limited", "--network", home, "--qos-policy", "slow")
    assert alice.json("port show", "limited")["qos_policy_id"]
    assert "is used by port" in admin.refused("network qos policy delete", "slow")
    alice("port unset", "limited", "--qos-policy")
    admin("network qos policy delete", "slow")
    assert "bandwidth_limit" in named(alice.json("network qos rule type list"), "Type")


def test_a_trunk_carries_a_port(alice: OpenStack, home: str):
    for name in ("parent", "child"):
        alice("port create", name, "--network", home)
    alice("network trunk create", "trunk", "--parent-port", "parent")
    child = "port=child,segmentation-type=vlan,segmentation-id=101"
    alice("network trunk set", "trunk", "--subport", child)
    (row,) = alice.json("network subport list", "--trunk", "trunk")
    assert row["Segmentation ID"] == 101
    assert "subport" in alice.refused("port delete", "child")
    alice("network trunk unset", "trunk", "--subport", "child")
    alice("network trunk delete", "trunk")
    alice("port delete", "parent", "child")


def test_address_scopes_hold_pools_apart(alice: OpenStack):
    alice("address scope create", "ours")
    alice("subnet pool create", "one", "--pool-prefix", "10.8.0.0/16", "--address-scope", "ours")
    assert "already has a part" in alice.refused(
        "subnet pool create", "two", "--pool-prefix", "10.8.1.0/24", "--address-scope", "ours"
    )
    alice("subnet pool delete", "one")
    alice("address scope delete", "ours")


def test_one_call_makes_a_network(admin: OpenStack, alice: OpenStack, outside: str):
    assert outside
    admin("subnet pool create", "default", "--pool-prefix", "10.100.0.0/16", "--default-prefix-length", "24",
          "--default", "--share")  # fmt: skip
    alice("network auto allocated topology create", "--check-resources")
    assert "auto_allocated_network" not in named(alice.json("network list"))
    made = alice.json("network auto allocated topology create")["id"]
    assert alice.json("network show", made)["name"] == "auto_allocated_network"
    alice("network auto allocated topology delete")
    alice.refused("network show", made)


def test_a_router_has_a_second_way_out(admin: OpenStack, alice: OpenStack, outside: str):
    admin("network create", "outside2", "--external")
    admin(
        "subnet create", "outside2", "--network", "outside2", "--subnet-range", "203.0.113.0/24", "--no-dhcp"
    )
    alice("router create", "twofold", "--external-gateway", outside)
    alice("router add gateway", "twofold", "outside2")
    shown = alice.json("router show", "twofold")["external_gateways"]
    assert len(shown) == 2
    admin("router set", "twofold", "--enable-default-route-ecmp", "--enable-default-route-bfd")
    assert alice.json("router show", "twofold")["enable_default_route_ecmp"] is True
    alice("router remove gateway", "twofold", "outside2")
    alice("router delete", "twofold")
    admin("network delete", "outside2")


def test_administrators_offer_kinds_of_routers(admin: OpenStack, alice: OpenStack):
    profile = admin.json(
        "network flavor profile create", "--driver", "ovn", "--metainfo", '{"distributed": true}'
    )
    flavor = admin.json("network flavor create", "near", "--service-type", "L3_ROUTER_NAT")
    admin("network flavor add profile", "near", profile["id"])
    assert "near" in named(alice.json("network flavor list"))
    alice("router create", "nearby", "--flavor", flavor["id"])
    assert admin.json("router show", "nearby")["distributed"] is True
    alice("router delete", "nearby")
    admin("network flavor remove profile", "near", profile["id"])
    admin("network flavor delete", "near")
    admin("network flavor profile delete", profile["id"])


def test_a_network_has_segments_and_vlans_come_from_ranges(admin: OpenStack):
    admin("network segment range create", "row", "--shared", "--network-type", "vlan",
          "--physical-network", "rack1", "--minimum", "100", "--maximum", "109")  # fmt: skip
    made = admin.json("network create", "rows", "--provider-network-type", "vlan")
    assert made["provider:segmentation_id"] == 100
    admin("network segment create", "second", "--network", "rows", "--network-type", "vlan",
          "--physical-network", "rack2", "--segment", "7")  # fmt: skip
    admin("network segment set", "second", "--description", "the other row")
    rows = admin.json("network segment list", "--network", "rows")
    assert sorted(row["Segment"] for row in rows) == [7, 100]
    admin("subnet create", "there", "--network", "rows", "--subnet-range", "10.9.0.0/24",
          "--network-segment", "second")  # fmt: skip
    assert "on it" in admin.refused("network segment delete", "second")
    assert 100 not in admin.json("network segment range show", "row")["available"]
    admin("network delete", "rows")
    admin("network segment range delete", "row")


def test_labels_meter_what_prefixes_say(admin: OpenStack):
    admin("network meter create", "abroad", "--share")
    rule = admin.json("network meter rule create", "abroad", "--egress", "--remote-ip-prefix", "0.0.0.0/0")
    assert rule["id"] in named(admin.json("network meter rule list"), "ID")
    assert "overlaps" in admin.refused(
        "network meter rule create", "abroad", "--egress", "--remote-ip-prefix", "10.0.0.0/8"
    )
    admin("network meter rule delete", rule["id"])
    admin("network meter delete", "abroad")


def test_a_router_answers_for_an_address_behind_it(admin: OpenStack, alice: OpenStack):
    admin("address scope create", "six", "--ip-version", "6", "--share")
    admin("subnet pool create", "six", "--pool-prefix", "2001:db8:77::/48", "--default-prefix-length", "64",
          "--share", "--address-scope", "six")  # fmt: skip
    admin("network create", "outside6", "--external")
    six = ("--ip-version", "6", "--subnet-pool", "six")
    admin("subnet create", "outside6", "--network", "outside6", *six)
    alice("network create", "home6")
    alice("subnet create", "home6", "--network", "home6", *six)
    alice("router create", "door6", "--external-gateway", "outside6", "--enable-ndp-proxy")
    alice("router add subnet", "door6", "home6")
    alice("port create", "web6", "--network", "home6")
    made = alice.json("router ndp proxy create", "door6", "--port", "web6", "--name", "web6")
    assert made["ip_address"].startswith("2001:db8:77:")
    alice("router ndp proxy set", "web6", "--description", "the shop")
    assert "web6" in named(alice.json("router ndp proxy list"))
    assert "NDP prox" in alice.refused("router set", "door6", "--disable-ndp-proxy")
    alice("router ndp proxy delete", "web6")


def test_what_is_listed_as_an_extension_is_what_there_is(alice: OpenStack, admin: OpenStack):
    listed = named(alice.json("extension list", "--network"), "Alias")
    assert {"rbac-policies", "qos", "trunk", "floating-ip-port-forwarding", "agent"} <= set(listed)
    assert {"metering", "segment", "logging", "external-gateway-multihoming", "l3-ndp-proxy"} <= set(listed)
    assert not {"vpnaas", "bgp", "dhcp_agent_scheduler", "local_ip", "filter-validation"} & set(listed)
    assert alice.json("network agent list") == []
    assert isinstance(admin.json("network agent list"), list)
    assert alice.json("network service provider list")[0]["Name"] == "ovn"


def test_a_port_says_what_it_is_promised(admin: OpenStack, alice: OpenStack, home: str):
    admin("network qos policy create", "sure", "--share")
    admin("network qos rule create", "sure", "--type", "minimum-packet-rate", "--min-kpps", "100", "--any")
    admin("network qos rule create", "sure", "--type", "minimum-bandwidth", "--min-kbps", "9", "--ingress")
    (rate, _) = admin.json("network qos rule list", "sure")
    assert (rate["Min Kpps"], rate["Direction"]) == (100, "any")
    alice("port create", "promised", "--network", home, "--qos-policy", "sure")
    (group,) = admin.json("port show", "promised")["resource_request"]["request_groups"]
    assert group["resources"] == {"NET_PACKET_RATE_KILOPACKET_PER_SEC": 100}
    assert not alice.json("port show", "promised").get("resource_request")


def test_what_a_port_is_sent_and_sends_is_mirrored(admin: OpenStack, alice: OpenStack, home: str):
    port = alice.json("port create", "watched", "--network", home)
    facts = [
        "--directions",
        "IN=101",
        "--directions",
        "OUT=102",
        "--remote-ip",
        "192.0.2.77",
        "--mirror-type",
    ]
    words = ["--name", "watch", "--port", port["id"], "--project", port["project_id"], *facts, "gre"]
    alice.refused("tap mirror create", *words)
    admin("tap mirror create", *words)
    assert named(alice.json("tap mirror list")) == ["watch"]
    assert alice.json("tap mirror show", "watch")["directions"] == {"IN": 101, "OUT": 102}
    alice("tap mirror update", "watch", "--name", "look")
    alice("tap mirror delete", "look")
    assert alice.json("tap mirror list") == []
