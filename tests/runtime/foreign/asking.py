"""Every operation of a service with another project's ids in its path, from the service's own document."""

import itertools
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.runtime.foreign.estate import Estate, nothing_like
from tests.runtime.wrong.shapes import Bodies

from cumulo.core.http import Service, openapi

#: Which table a name in a path is of. What stands in none is not a thing that projects own.
NAMED = {
    "block_storage": {
        "attachment_id": "block_storage_attachments",
        "backup_id": "block_storage_backups",
        "cgsnapshot_id": "block_storage_group_snapshots",
        "consistencygroup_id": "block_storage_groups",
        "group_id": "block_storage_groups",
        "group_snapshot_id": "block_storage_group_snapshots",
        "message_id": "block_storage_messages",
        "project": "identity_projects",
        "snapshot_id": "block_storage_snapshots",
        "transfer_id": "block_storage_transfers",
        "volume_id": "block_storage_volumes",
        "volume_type_id": "block_storage_types",
    },
    "compute": {
        "group_id": "compute_server_groups",
        "image_id": "image_images",
        "keypair_name": "compute_keypairs",
        "floating_ip_id": "network_floating_ips",
        "migration_id": "compute_migrations",
        "network_id": "network_networks",
        "port_id": "network_ports",
        "project_id": "identity_projects",
        "server_id": "compute_servers",
        "snapshot_id": "block_storage_snapshots",
        "volume_id": "block_storage_volumes",
    },
    "identity": {
        "access_rule_id": "identity_access_rules",
        "access_token_id": "identity_access_tokens",
        "application_credential_id": "identity_application_credentials",
        "consumer_id": "identity_consumers",
        "credential_id": "identity_credentials",
        "group_id": "identity_groups",
        "limit_id": "identity_limits",
        "project_id": "identity_projects",
        "trust_id": "identity_trusts",
        "user_id": "identity_users",
    },
    "image": {
        "image_id": "image_images",
        "member_id": "identity_projects",
        "namespace_name": "image_metadef_namespaces",
        "task_id": "image_tasks",
    },
    "network": {
        "address_group_id": "network_address_groups",
        "address_scope_id": "network_address_scopes",
        "floatingip_id": "network_floating_ips",
        "log_id": "network_logs",
        "metering_label_id": "network_metering_labels",
        "metering_label_rule_id": "network_metering_rules",
        "ndp_proxy_id": "network_ndp_proxies",
        "network_id": "network_networks",
        "network_segment_range_id": "network_segment_ranges",
        "policy_id": "network_qos_policies",
        "port_forwarding_id": "network_port_forwardings",
        "port_id": "network_ports",
        "project_id": "identity_projects",
        "rbac_policy_id": "network_rbac_policies",
        "router_id": "network_routers",
        "rule_id": "network_qos_rules:bandwidth_limit",
        "security_group_id": "network_security_groups",
        "security_group_rule_id": "network_security_group_rules",
        "security_groups_default_statefulness_id": "network_default_statefulness",
        "segment_id": "network_segments",
        "subnet_id": "network_subnets",
        "subnetpool_id": "network_subnet_pools",
        "trunk_id": "network_trunks",
    },
    "placement": {"consumer_uuid": "placement_consumers"},
    "operations": {"id": "tasks_tasks"},
}
OTHERS = {"path": "x", "rule_type": "bandwidth_limit", "group": "identity", "option": "driver", "before": "1"}
SHORTEST = 10  # what is shorter may be part of a word
_RESTLESS = re.compile(r'req-[0-9a-f-]{36}|\d{4}-\d\d-\d\d[T ][0-9:.]+|\d+\.\d{6,}|"uptime":\d+')


@dataclass(frozen=True)
class Question:
    """A call, with another's ids for `foreign` names of its path and, in `twin`, ids of nothing."""

    operation: str
    method: str
    path: str
    twin: str
    body: Any
    stranger: Mapping[str, str]
    nothing: Mapping[str, str]


def alike(text: str, names: Mapping[str, str]) -> str:
    """Return an answer's text without what differs from one call to the next."""
    for name, value in names.items():
        if len(value) >= SHORTEST:
            for written in (value, quote(value, safe="")):
                text = text.replace(written, f"<{name}>")
    return _RESTLESS.sub("…", text)


def questions(service: Service, own: Estate, other: Estate) -> Iterator[Question]:
    """Return each operation with every choice of foreign names in its path."""
    document = openapi.document(service)
    chance = random.Random(service.name)  # noqa: S311  repeatable, not secret
    bodies = Bodies(chance, document["components"]["schemas"], sorted(own.ids.values()))
    named = NAMED.get(service.name, {})
    ids = {
        name: (own.ids[table], other.ids[table])
        for name, table in named.items()
        if table in own.ids and table in other.ids
    }
    for template, methods in document["paths"].items():
        names = re.findall(r"{([^}]*)}", template)
        holding = [name for name in names if name in ids]
        choices = [c for size in range(1, len(holding) + 1) for c in itertools.combinations(holding, size)]
        for method, described in methods.items():
            for foreign, body in itertools.product(choices, _bodies(bodies, described)):
                yield _question(f"{method.upper()} {template}", foreign, ids, body)


def _question(
    operation: str, foreign: tuple[str, ...], ids: Mapping[str, tuple[str, str]], body: Any
) -> Question:
    """Return the call with another's ids for `foreign` names; ids: name → one's own and the other's."""
    method, _, template = operation.partition(" ")
    stranger = {name: ids[name][1] for name in foreign}
    nothing = {name: nothing_like(value) for name, value in stranger.items()}
    filled = {
        name: ids[name][0] if name in ids else OTHERS.get(name, "x")
        for name in re.findall(r"{([^}]*)}", template)
    }
    path, twin = (template.format(**(filled | chosen)) for chosen in (stranger, nothing))
    told = operation if not isinstance(body, dict) else f"{operation} {'/'.join(list(body)[:1])}"
    return Question(f"{told} of another's {', '.join(foreign)}", method, path, twin, body, stranger, nothing)


def _bodies(bodies: Bodies, described: Mapping[str, Any]) -> list[Any]:
    """Return a body of each form that an operation takes, one with all and one with what must be."""
    content = described.get("requestBody", {}).get("content", {})
    shapes = [shape.get("schema", {}) for shape in content.values()]
    return [bodies.valid(each) for shape in shapes for each in shape.get("oneOf", (shape,))] or [None]
