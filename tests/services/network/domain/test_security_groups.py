"""Which rules mean something, and which groups may go."""

import pytest

from cumulo.services.network import errors
from cumulo.services.network.domain import ports, security_groups
from cumulo.services.network.model import SecurityGroup, SecurityGroupRule

PORT_ONE = {"port_range_min": 1, "port_range_max": 1}


@pytest.fixture
async def group(work):
    return await security_groups.create(work, "p1", {"name": "web"})


async def rule(work, group, **values):
    return await security_groups.create_rule(work, group, "p1", {"direction": "ingress", **values})


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"direction": "sideways"}, errors.InvalidInput),
        ({"ethertype": "IPv5"}, errors.InvalidInput),
        ({"remote_ip_prefix": "here"}, errors.InvalidInput),
        ({"remote_ip_prefix": "fd00::/8"}, errors.SecurityGroupRuleParameterConflict),
        ({"protocol": "telepathy"}, errors.SecurityGroupRuleInvalidProtocol),
        ({"protocol": "300"}, errors.SecurityGroupRuleInvalidProtocol),
        ({"protocol": "ipv6-icmp"}, errors.SecurityGroupEthertypeConflictWithProtocol),
        ({"port_range_min": 1, "port_range_max": 2}, errors.SecurityGroupProtocolRequiredWithPorts),
        ({"protocol": "tcp", "port_range_min": 2, "port_range_max": 1}, errors.SecurityGroupInvalidPortRange),
        ({"protocol": "gre", **PORT_ONE}, errors.SecurityGroupInvalidProtocolForPort),
        ({"protocol": "tcp", **PORT_ONE, "port_range_max": 70000}, errors.SecurityGroupInvalidPortValue),
        ({"protocol": "icmp", "port_range_max": 1}, errors.SecurityGroupMissingIcmpType),
        ({"protocol": "icmp", "port_range_min": 256}, errors.SecurityGroupInvalidIcmpValue),
    ],
)  # fmt: skip
async def test_a_rule_that_means_nothing_is_refused(work, group, values, error):
    with pytest.raises(error):
        await rule(work, group, **values)


async def test_a_rule_has_one_kind_of_remote(work, group):
    both = {"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": group.id}
    with pytest.raises(errors.SecurityGroupMultipleRemoteEntites):
        await rule(work, group, **both)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"protocol": "TCP"}, {"protocol": "tcp"}),
        ({"protocol": "any"}, {"protocol": None}),
        ({"protocol": "icmp", "ethertype": "IPv6"}, {"protocol": "ipv6-icmp"}),
        ({"remote_ip_prefix": "10.1.2.3/8"}, {"remote_ip_prefix": "10.1.2.3/8"}),  # as neutron shows it
        ({"remote_ip_prefix": "10.1.2.3"}, {"remote_ip_prefix": "10.1.2.3/32"}),
        ({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}, {"port_range_max": 0}),
        ({"protocol": "50"}, {"protocol": "50"}),
    ],
)
async def test_a_rule_is_kept_in_one_form(work, group, given, kept):
    made = await rule(work, group, **given)
    assert {name: getattr(made, name) for name in kept} == kept


async def test_the_same_rule_is_not_added_twice(work, group):
    first = await rule(work, group, protocol="tcp", port_range_min=22, port_range_max=22)
    same = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0"}
    with pytest.raises(errors.SecurityGroupRuleExists) as refusal:
        await rule(work, group, **same)
    assert first.id in refusal.value.message


async def test_each_project_has_one_default_group_that_lets_its_members_talk(work):
    made = await security_groups.ensure_default(work, "p1")
    assert await security_groups.ensure_default(work, "p1") == made
    rules = await work.db.all(SecurityGroupRule, SecurityGroupRule.c.security_group_id == made)
    found = sorted(
        (one.direction, one.ethertype, one.remote_group_id) for one in rules if one.direction == "ingress"
    )
    assert found == [("ingress", "IPv4", made), ("ingress", "IPv6", made)]
    assert len(rules) == 4
    with pytest.raises(errors.SecurityGroupDefaultAlreadyExists):
        await security_groups.create(work, "p1", {"name": "default"})
    group = await work.db.get(SecurityGroup, made)
    with pytest.raises(errors.SecurityGroupCannotUpdateDefault):
        await security_groups.update(work, group, {"name": "mine"})
    with pytest.raises(errors.SecurityGroupCannotRemoveDefault):
        await security_groups.delete(work, group, is_admin=False)


async def test_a_group_with_ports_stays_and_takes_rules_that_name_it_along(work, network, group):
    port = await ports.create(work, network, "p1", group_ids=[group.id])
    with pytest.raises(errors.SecurityGroupInUse):
        await security_groups.delete(work, group, is_admin=False)
    await ports.update(work, port, {}, group_ids=[])
    other = await security_groups.create(work, "p1", {"name": "other"})
    naming = await rule(work, other, remote_group_id=group.id)
    await security_groups.delete(work, group, is_admin=False)
    assert await work.db.get(SecurityGroupRule, naming.id) is None


async def test_groups_are_named_by_id_or_by_a_name_that_is_one_groups_only(work, group):
    assert await security_groups.resolve(work.db, ["web", group.id], project_id="p1") == [group.id]
    with pytest.raises(errors.SecurityGroupNotFound):
        await security_groups.resolve(work.db, ["web"], project_id="p2")
    await security_groups.create(work, "p1", {"name": "web"})
    with pytest.raises(errors.SecurityGroupAmbiguous):
        await security_groups.resolve(work.db, ["web"], project_id="p1")
