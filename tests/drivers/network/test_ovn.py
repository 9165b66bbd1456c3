"""The OVN driver passes the contract, and writes the rows that OVN's own tools read back."""

import asyncio
import shutil
import subprocess

import msgspec
import pytest

from cumulo.core.drivers import Temporary
from cumulo.services.network.drivers.ovn import OvnDriver
from cumulo.services.network.drivers.ovn.groups import match
from cumulo.services.network.drivers.specs import (
    AddressGroupSpec,
    FloatingIpSpec,
    ForwardSpec,
    Kind,
    QosSpec,
    RuleSpec,
    Use,
)
from cumulo.testing.network import (
    ALL,
    GROUP,
    INSIDE,
    ROUTER,
    SUBNET,
    NetworkDriverContract,
    port,
)

pytestmark = pytest.mark.engines


@pytest.fixture
def driver(ovn_driver):
    return ovn_driver


class TestOvnDriver(NetworkDriverContract):
    pass


@pytest.fixture
def nbctl(central):
    """Ask OVN's own tool."""

    def ask(*arguments):
        command = ["ovn-nbctl", "--timeout=10", f"--db={central[0]}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    async def in_thread(*arguments):
        return await asyncio.to_thread(ask, *arguments)

    return in_thread


async def realise(driver, *specs):
    for spec in specs:
        await driver.ensure(spec)


async def test_a_port_has_its_addresses_security_and_dhcp(driver, nbctl):
    await realise(driver, INSIDE, SUBNET, GROUP, port(11, pairs=(("fa:16:3e:00:00:0b", "10.9.0.0/24"),)))
    assert (await nbctl("lsp-get-addresses", "port-11")).strip() == "fa:16:3e:00:00:0b 10.50.0.11"
    security = (await nbctl("lsp-get-port-security", "port-11")).splitlines()
    assert sorted(security) == ["fa:16:3e:00:00:0b 10.50.0.11", "fa:16:3e:00:00:0b 10.9.0.0/24"]
    (uuid,) = (await nbctl("lsp-get-dhcpv4-options", "port-11")).split("\n")[0].split(" ")[:1]
    options = await nbctl("dhcp-options-get-options", uuid)
    assert "mtu=1442" in options
    assert "dns_server={192.0.2.53}" in options
    assert "router=10.50.0.1" in options
    assert (
        "classless_static_route={169.254.169.254/32,10.50.0.2, 10.60.0.0/24,10.50.0.9, 0.0.0.0/0,10.50.0.1}"
    ) in options


async def test_a_port_is_told_what_its_subnet_does_not_say(driver, nbctl):
    own = (("bootfile_name", "pxelinux.0"), ("tftp_server", "192.0.2.7"), ("mtu", "1400"))
    await realise(driver, INSIDE, SUBNET, GROUP, port(11, dhcp_options_v4=own), port(12))
    assert await driver.up() == {"port-11": False, "port-12": False}
    (uuid,) = (await nbctl("lsp-get-dhcpv4-options", "port-11")).split("\n")[0].split(" ")[:1]
    options = await nbctl("dhcp-options-get-options", uuid)
    assert 'bootfile_name="pxelinux.0"' in options
    assert "tftp_server=192.0.2.7" in options
    assert "mtu=1400" in options
    assert "router=10.50.0.1" in options
    assert uuid not in await nbctl("lsp-get-dhcpv4-options", "port-12")
    await driver.ensure(port(11))
    assert len((await nbctl("--bare", "--columns=_uuid", "list", "DHCP_Options")).split()) == 1


async def test_a_router_has_its_ports_gateway_routes_and_nat(driver, nbctl, central):
    sbctl = ["ovn-sbctl", "--timeout=10", f"--db={central[1]}"]
    await asyncio.to_thread(
        subprocess.run, [*sbctl, "chassis-add", "host-a", "geneve", "127.0.0.1"], check=True
    )
    await realise(driver, *ALL)
    name = "cumulo-router"
    assert (await nbctl("lrp-get-gateway-chassis", "lrp-port-ex")).split() == [
        "lrp-port-ex_host-a",
        "1",
    ]
    routes = await nbctl("lr-route-list", name)
    assert "0.0.0.0/0              172.31.254.1 dst-ip lrp-port-ex" in routes
    assert "10.60.0.0/24                 10.50.0.9 dst-ip" in routes
    nat = await nbctl("lr-nat-list", name)
    assert [line.split() for line in nat.splitlines()[1:]] == [
        ["dnat_and_snat", "172.31.254.20", "10.50.0.11"],
        ["snat", "172.31.254.10", "10.50.0.0/24"],
    ]


async def test_an_interface_that_is_taken_away_leaves_no_row(driver, nbctl):
    await realise(driver, *ALL)
    await driver.ensure(msgspec.structs.replace(ROUTER, interfaces=(), gateway=None, routes=()))
    assert await nbctl("lrp-list", "cumulo-router") == ""
    assert await nbctl("lr-route-list", "cumulo-router") == ""
    assert "port-gw" not in await nbctl("lsp-list", "cumulo-net-in")
    assert "port-ex" not in await nbctl("lsp-list", "cumulo-net-ex")


async def test_security_groups_become_port_groups_with_acls(driver, nbctl):
    await realise(driver, INSIDE, SUBNET, GROUP, port(11), port(12, port_security=False))
    group = "cumulo_11111111_2222_3333_4444_555555555555"
    acls = await nbctl("acl-list", group)
    assert f"to-lport  1002 (outport == @{group} && ip4 && tcp && tcp.dst == 22) allow-related" in acls
    assert f"from-lport  1002 (inport == @{group} && ip4) allow-related" in acls
    dropped = await nbctl("acl-list", "cumulo_drop")
    assert "to-lport  1000 (outport == @cumulo_drop && ip) drop" in dropped
    assert (
        "from-lport  1004 (inport == @cumulo_drop && ip4 && udp.src == 67 && udp.dst == 68) drop" in dropped
    )
    assert (
        "from-lport  1004 (inport == @cumulo_drop && ip6 && udp.src == 547 && udp.dst == 546) drop" in dropped
    )
    members = await nbctl("--bare", "--columns=ports", "list", "port_group", "cumulo_drop")
    assert len(members.split()) == 1
    await driver.ensure(msgspec.structs.replace(GROUP, rules=()))
    assert await nbctl("acl-list", group) == ""


async def test_rules_name_the_address_sets_of_address_groups(driver, nbctl):
    addresses = AddressGroupSpec(id="a-b", cidrs=("192.0.2.0/24", "2001:db8::/32"))
    rules = tuple(
        RuleSpec(id=str(version), ingress=True, version=version, remote_addresses="a-b") for version in (4, 6)
    )
    stateless = msgspec.structs.replace(GROUP, rules=rules, stateful=False)
    await realise(driver, addresses, stateless)
    name = "cumulo_11111111_2222_3333_4444_555555555555"
    acls = await nbctl("acl-list", name)
    assert f"(outport == @{name} && ip4 && ip4.src == $cumulo_ag_a_b_ip4) allow-stateless" in acls
    assert f"(outport == @{name} && ip6 && ip6.src == $cumulo_ag_a_b_ip6) allow-stateless" in acls
    held = ["--bare", "--columns=addresses", "find", "Address_Set"]
    assert (await nbctl(*held, "name=cumulo_ag_a_b_ip4")).strip() == "192.0.2.0/24"
    await driver.ensure(msgspec.structs.replace(addresses, cidrs=()))
    assert (await nbctl(*held, "name=cumulo_ag_a_b_ip6")).strip() == ""
    await driver.remove(Kind.ADDRESS_GROUP, "a-b")
    assert await nbctl(*held, "name=cumulo_ag_a_b_ip4") == ""


async def test_hosts_give_a_sign_of_life(site):
    """Each call asks the chassis for one, which a later call has."""
    (first,) = await site.driver.hosts()
    assert first.gateway is False
    async with asyncio.timeout(20):
        while True:
            (state,) = await site.driver.hosts()
            if state.seen_at is not None and state.seen_at != first.seen_at:
                break
            await asyncio.sleep(0.1)


async def test_a_gateway_keeps_to_its_zones_and_away_from_what_is_switched_off(driver, nbctl, central):
    for name, zone, address in (("host-a", "east", "127.0.0.1"), ("host-b", "west", "127.0.0.2")):
        add = ["chassis-add", name, "geneve", address]
        options = f"other_config:ovn-cms-options=availability-zones={zone}"
        for words in (add, ["set", "chassis", name, options]):
            command = ["ovn-sbctl", "--timeout=10", f"--db={central[1]}", *words]
            await asyncio.to_thread(subprocess.run, command, check=True)
    chassis = driver._south.rows("Chassis")
    async with asyncio.timeout(5):
        await driver._south.until(lambda: len([r for r in chassis.values() if r["other_config"]]) == 2)
    await realise(driver, *ALL)

    async def gateways(**changes):
        await driver.ensure(msgspec.structs.replace(ROUTER, **changes))
        listed = await nbctl("lrp-get-gateway-chassis", "lrp-port-ex")
        return {line.split()[0].removeprefix("lrp-port-ex_") for line in listed.splitlines()}

    assert await gateways() == {"host-a", "host-b"}
    assert await gateways(zones=("west",)) == {"host-b"}
    assert await gateways(avoid=("host-b",)) == {"host-a"}


async def test_a_port_leaves_the_groups_it_is_taken_out_of(driver, nbctl):
    await realise(driver, INSIDE, SUBNET, GROUP, port(11))
    group = "cumulo_11111111_2222_3333_4444_555555555555"
    members = ["--bare", "--columns=ports", "list", "port_group"]
    assert await nbctl(*members, group) != "\n"
    await driver.ensure(port(11, security_groups=()))
    assert (await nbctl(*members, group)).strip() == ""
    assert (await nbctl(*members, "cumulo_drop")).strip() != ""


async def test_what_others_broke_is_mended(driver, nbctl):
    await realise(driver, *ALL)
    group = "cumulo_11111111_2222_3333_4444_555555555555"
    await nbctl("lsp-set-addresses", "port-11", "unknown")
    await nbctl("lr-nat-del", "cumulo-router")
    await nbctl("acl-del", group)
    await nbctl("clear", "port_group", "cumulo_drop", "ports")
    await nbctl("ls-del", "cumulo-net-ex")
    # Our replica follows a moment later; the driver compares with what it knows then.
    switches = driver._north.rows("Logical_Switch")
    async with asyncio.timeout(5):
        await driver._north.until(lambda: len(switches) == 1)
    await realise(driver, *ALL)
    assert (await nbctl("lsp-get-addresses", "port-11")).strip() == "fa:16:3e:00:00:0b 10.50.0.11"
    assert "10.50.0.0/24" in await nbctl("lr-nat-list", "cumulo-router")
    assert "172.31.254.20" in await nbctl("lr-nat-list", "cumulo-router")
    assert "tcp.dst == 22" in await nbctl("acl-list", group)
    assert "port-ex" in await nbctl("lsp-list", "cumulo-net-ex")
    members = await nbctl("--bare", "--columns=ports", "list", "port_group", "cumulo_drop")
    assert len(members.split()) == 2


async def test_an_ensure_of_what_agrees_sends_nothing(driver, central):
    await realise(driver, *ALL)
    before = dict(driver._north.rows("Logical_Switch_Port"))
    sent = []
    driver._north.transact = lambda *operations, **_: sent.append(operations)
    await realise(driver, *ALL)
    assert sent == []
    assert dict(driver._north.rows("Logical_Switch_Port")) == before


async def test_the_metadata_port_is_a_localport(driver, nbctl):
    await realise(driver, INSIDE, SUBNET, port(2, use=Use.METADATA, security_groups=()))
    assert (await nbctl("lsp-get-type", "port-2")).strip() == "localport"
    assert (await nbctl("lsp-get-port-security", "port-2")).strip() == ""


async def test_without_databases_it_is_temporary(folder, monkeypatch):
    monkeypatch.setattr("cumulo.services.network.drivers.ovn.driver._PATIENCE", 0.05)
    driver = OvnDriver(f"unix:{folder}/nb", f"unix:{folder}/sb")
    await driver.start()
    with pytest.raises(Temporary):
        await driver.ensure(INSIDE)
    await driver.stop()


RULES = [
    (RuleSpec(id="1", ingress=True, version=4), "outport == @g && ip4"),
    (RuleSpec(id="1", ingress=False, version=6), "inport == @g && ip6"),
    (
        RuleSpec(id="1", ingress=True, version=4, protocol="tcp", first=80, last=90),
        "outport == @g && ip4 && tcp && tcp.dst >= 80 && tcp.dst <= 90",
    ),
    (
        RuleSpec(id="1", ingress=True, version=4, protocol="udp", remote_cidr="10.0.0.0/8"),
        "outport == @g && ip4 && ip4.src == 10.0.0.0/8 && udp",
    ),
    (
        RuleSpec(id="1", ingress=False, version=6, protocol="tcp", remote_group="a-b"),
        "inport == @g && ip6 && ip6.dst == $cumulo_a_b_ip6 && tcp",
    ),
    (
        RuleSpec(id="1", ingress=True, version=4, protocol="icmp", first=8, last=0),
        "outport == @g && ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0",
    ),
    (
        RuleSpec(id="1", ingress=True, version=6, protocol="ipv6-icmp", first=128),
        "outport == @g && ip6 && icmp6 && icmp6.type == 128",
    ),
    (
        RuleSpec(id="1", ingress=True, version=4, protocol="gre"),
        "outport == @g && ip4 && ip.proto == 47",
    ),
    (
        RuleSpec(id="1", ingress=True, version=4, protocol="51"),
        "outport == @g && ip4 && ip.proto == 51",
    ),
]


@pytest.mark.parametrize(("rule", "expression"), RULES)
def test_a_rule_becomes_an_expression(rule, expression):
    assert match(rule, "@g") == expression


@pytest.mark.skipif(not shutil.which("ovn-trace"), reason="needs OVN's tools")
async def test_northd_accepts_every_kind_of_rule(driver, nbctl, central, folder):
    group = msgspec.structs.replace(
        GROUP,
        rules=tuple(
            msgspec.structs.replace(
                rule, id=str(number), remote_group=GROUP.id if rule.remote_group else None
            )
            for number, (rule, _) in enumerate(RULES)
        ),
    )
    await realise(driver, INSIDE, SUBNET, group, port(11))
    await nbctl("--wait=sb", "sync")
    flows = await asyncio.to_thread(
        subprocess.run,
        ["ovn-sbctl", "--timeout=10", f"--db={central[1]}", "lflow-list"],
        check=True,
        capture_output=True,
        text=True,
    )
    for rule, _ in RULES:
        text = match(rule, "@cumulo_11111111_2222_3333_4444_555555555555")
        assert (
            rule.remote_group or text.removeprefix("outport == ").removeprefix("inport == ") in flows.stdout
        )


async def test_after_removal_the_northbound_database_is_as_before(driver, nbctl):
    """Nothing dangles that OVN itself would not collect."""

    async def rows():
        tables = ("Logical_Switch", "Logical_Switch_Port", "DHCP_Options", "Port_Group", "ACL", "Address_Set")
        tables += ("Logical_Router", "Logical_Router_Port", "Logical_Router_Static_Route", "NAT")
        tables += ("Gateway_Chassis", "HA_Chassis_Group", "Load_Balancer", "Meter", "QoS", "DNS")
        return {
            table: sorted((await nbctl("--bare", "--columns=_uuid", "list", table)).split())
            for table in tables
        }

    await realise(driver, INSIDE, GROUP, port(11, dhcp_subnet_v4=None))  # the group that drops is made once
    for spec in (port(11), GROUP, INSIDE):
        await driver.remove(spec.kind, spec.id)
    before = await rows()
    slow = (QosSpec(ingress=False, rate=800, dscp=26), QosSpec(ingress=True, rate=800))
    forward = ForwardSpec(id="ssh", protocol="tcp", fixed_address="10.50.0.12", ports=((2222, 22),))
    every = [
        AddressGroupSpec(id="a-b", cidrs=("192.0.2.0/24",)),
        *ALL,
        port(12, qos=slow, names=(("web", "10.50.0.12"),), parent="port-11", tag=7),
        FloatingIpSpec(
            id="forwarding",
            router_id=ROUTER.id,
            address="172.31.254.21",
            forwards=(forward,),
            qos=slow,
            network_id="net-ex",
            gateway="port-ex",
        ),
    ]
    await realise(driver, *every)
    there = await rows()
    assert all(there[table] for table in ("Load_Balancer", "QoS", "DNS", "Address_Set"))
    for spec in reversed(every):
        await driver.remove(spec.kind, spec.id)
    assert await rows() == before
