"""Security groups in the words that compute had for them until 2.35."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from cumulo.contracts.network import Group, GroupRule
from cumulo.core.resource import Body

Uuid = Annotated[str, Meta(pattern=r"^[0-9a-fA-F-]{32,36}$(?!\n)")]
Words = Annotated[str, Meta(max_length=255)]
Port = Annotated[int, Meta(ge=-1, le=65535)] | Annotated[str, Meta(pattern=r"^(-1|[0-9]{1,5})$(?!\n)")]
ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
EVERY_PORT = {"tcp": (1, 65535), "udp": (1, 65535)}


class GroupBody(Body):
    """A security group to create or to change."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    description: Words


class RuleBody(Body):
    """Something to let in."""

    parent_group_id: Uuid
    ip_protocol: str | UnsetType | None = UNSET
    from_port: Port | UnsetType | None = UNSET
    to_port: Port | UnsetType | None = UNSET
    cidr: str | UnsetType | None = UNSET
    group_id: str | UnsetType | None = UNSET


def group_document(group: Group, others: Mapping[str, Group]) -> dict[str, Any]:
    """Return a group; `others`: the groups that its rules name, by id."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [rule_document(rule, others) for rule in group.rules],
    }


def rule_document(rule: GroupRule, others: Mapping[str, Group]) -> dict[str, Any]:
    """Return a rule: from a group, or from a range of addresses."""
    low, high = rule.port_min, rule.port_max
    if low is None and rule.protocol is not None:
        low, high = EVERY_PORT.get(rule.protocol, (-1, -1))
    document: dict[str, Any] = {
        "id": rule.id,
        "parent_group_id": rule.group_id,
        "ip_protocol": rule.protocol,
        "from_port": low,
        "to_port": high,
        "group": {},
        "ip_range": {},
    }
    other = others.get(rule.remote_group_id or "")
    if other is not None:
        document["group"] = {"name": other.name, "tenant_id": other.project_id}
    elif rule.remote_group_id is None:
        document["ip_range"] = {"cidr": rule.cidr or ANYWHERE[rule.version]}
    return document
