"""Calls whose body, or query, names things: one's own are understood, another project's must be like nothing.

In a path or body `my TABLE` stands for one's own id of that table, `their TABLE` for the one that is tried.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.runtime.foreign.asking import NAMED, SHORTEST
from tests.runtime.foreign.estate import Estate
from tests.runtime.world import COMPUTE, IDENTITY, IMAGE, NETWORK, VOLUME

from cumulo.core.http import Service, openapi


@dataclass(frozen=True)
class Reference:
    """A call; `own`: what it answers where all is one's own, when that is not success."""

    method: str
    path: str
    body: Any
    own: int = 0

    def __str__(self) -> str:
        """Return its name for people."""
        return f"{self.method} {self.path} {self.body}"


def filled(value: Any, mine: Mapping[str, str], theirs: Mapping[str, str]) -> Any:
    """Return a path or body with ids in it."""
    if isinstance(value, dict):
        return {key: filled(each, mine, theirs) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, mine, theirs) for each in value]
    if not isinstance(value, str):
        return value
    return "/".join(_part(part, mine, theirs) for part in value.split("/"))


def _part(part: str, mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    whose, _, table = part.partition(" ")
    return {"my": mine, "their": theirs}[whose][table] if whose in ("my", "their") else part


def _network() -> Iterator[Reference]:
    net, subnet = "my network_networks", "network_subnets"
    qos = {"qos_policy_id": "their network_qos_policies"}
    groups = {"security_groups": ["their network_security_groups"]}
    for kind, body in (
        ("subnet", {"network_id": "their network_networks", "ip_version": 4, "cidr": "10.99.0.0/24"}),
        ("subnet", {"network_id": net, "ip_version": 4, "subnetpool_id": "their network_subnet_pools"}),
        ("port", {"network_id": "their network_networks"}),
        ("port", {"network_id": net, **groups}),
        ("port", {"network_id": net, "fixed_ips": [{"subnet_id": f"their {subnet}"}]}),
        ("port", {"network_id": net, **qos}),
        ("port", {"network_id": net, "project_id": "their identity_projects"}),
        ("network", qos),
        ("network", {"tenant_id": "their identity_projects"}),
        ("floatingip", {"floating_network_id": "my outside", **qos}),
        ("floatingip", {"floating_network_id": "my outside", "port_id": "their spare"}),
        ("trunk", {"port_id": "their spare"}),
        ("subnetpool", {"prefixes": ["10.66.0.0/16"], "address_scope_id": "their network_address_scopes"}),
        (
            "security_group_rule",
            {"direction": "ingress", "security_group_id": "their network_security_groups"},
        ),
    ):
        yield Reference("POST", f"{NETWORK}/{kind.replace('_', '-')}s", {kind: body})


def _network_more() -> Iterator[Reference]:
    net, port, subnet = "my network_networks", "my network_ports", "network_subnets"
    qos = {"qos_policy_id": "their network_qos_policies"}
    groups = {"security_groups": ["their network_security_groups"]}
    rule = {"direction": "egress", "security_group_id": "my network_security_groups"}
    for name, table in (("group", "security_groups"), ("address_group", "address_groups")):
        body = {"security_group_rule": {**rule, f"remote_{name}_id": f"their network_{table}"}}
        yield Reference("POST", f"{NETWORK}/security-group-rules", body)
    outside = {"floating_network_id": "their network_networks"}
    yield Reference("POST", f"{NETWORK}/floatingips", {"floatingip": outside}, own=400)
    gateway = {"external_gateway_info": {"network_id": "their network_networks"}}
    yield Reference("POST", f"{NETWORK}/routers", {"router": gateway}, own=400)
    for kind, table in (
        *(("network", "networks"), ("qos_policy", "qos_policies"), ("security_group", "security_groups")),
        *(("address_scope", "address_scopes"), ("subnetpool", "subnet_pools")),
        ("address_group", "address_groups"),
    ):
        body = {"object_type": kind, "object_id": f"their network_{table}", "target_tenant": "x"}
        body["action"] = "access_as_shared"
        yield Reference("POST", f"{NETWORK}/rbac-policies", {"rbac_policy": body})
    yield Reference("PUT", f"{NETWORK}/networks/{net}", {"network": qos})
    for change in (qos, groups, {"fixed_ips": [{"subnet_id": f"their {subnet}"}]}):
        yield Reference("PUT", f"{NETWORK}/ports/{port}", {"port": change})
    yield from _routing()


def _routing() -> Iterator[Reference]:
    router = f"{NETWORK}/routers/my network_routers"
    floating = f"{NETWORK}/floatingips/my network_floating_ips"
    for verb in ("remove", "add"):
        body = {"subnet_id": "their network_subnets"}
        yield Reference(
            "PUT", f"{router}/{verb}_router_interface", body, own=409 if verb == "remove" else 400
        )
    yield Reference("PUT", f"{router}/add_router_interface", {"port_id": "their spare"}, own=400)
    yield Reference("PUT", floating, {"floatingip": {"port_id": "their spare"}}, own=409)
    forwarding = {"internal_port": 22, "internal_port_id": "their spare", "protocol": "tcp"}
    forwarding |= {"external_port": 2222}
    forwardings = f"{NETWORK}/floatingips/my forwarding/port_forwardings"
    yield Reference("POST", forwardings, {"port_forwarding": forwarding}, own=409)
    subports = [{"port_id": "their spare", "segmentation_type": "vlan", "segmentation_id": 7}]
    trunk = f"{NETWORK}/trunks/my network_trunks"
    yield Reference("PUT", f"{trunk}/add_subports", {"sub_ports": subports}, own=409)
    onboard = {"network_id": "their network_networks"}
    pool = f"{NETWORK}/subnetpools/my network_subnet_pools"
    yield Reference("PUT", f"{pool}/onboard_network_subnets", onboard, own=400)
    for router_id, port_id in (("their network_routers", "my spare"), ("my network_routers", "their spare")):
        body = {"ndp_proxy": {"router_id": router_id, "port_id": port_id}}
        yield Reference("POST", f"{NETWORK}/ndp_proxies", body, own=409)


def source(kind: str, table: str) -> dict[str, str]:
    return {"source_type": kind, "uuid": f"their {table}"}


def _compute() -> Iterator[Reference]:
    base = {"name": "x", "flavorRef": "private", "imageRef": "my image_images", "networks": "none"}
    servers = f"{COMPUTE}/servers"
    disk = {"boot_index": 0, "destination_type": "volume", "volume_size": 1}
    without = {key: value for key, value in base.items() if key != "imageRef"}
    for body, own in (
        ({**base, "imageRef": "their image_images"}, 0),
        ({**base, "networks": [{"uuid": "their network_networks"}]}, 0),
        ({**base, "networks": [{"port": "their spare"}]}, 0),
        ({**base, "security_groups": [{"name": "their network_security_groups"}]}, 0),
        *(
            ({**without, "block_device_mapping_v2": [{**disk, **source(kind, table)}]}, own)
            for kind, table, own in (
                ("volume", "block_storage_volumes", 400),
                ("snapshot", "block_storage_snapshots", 400),
                ("image", "image_images", 0),
            )
        ),
    ):  # fmt: skip
        yield Reference("POST", servers, {"server": body}, own)
    for hint in ({"group": "their compute_server_groups"}, {"same_host": ["their compute_servers"]}):
        yield Reference("POST", servers, {"server": base, "os:scheduler_hints": hint})
    server = f"{servers}/my compute_servers"
    rebuild = {"rebuild": {"imageRef": "their image_images"}}
    for action in (
        {"addSecurityGroup": {"name": "their network_security_groups"}},
        {"removeSecurityGroup": {"name": "their network_security_groups"}},
    ):
        yield Reference("POST", f"{server}/action", action)
    for attachment, own in (({"port_id": "their spare"}, 409), ({"net_id": "their network_networks"}, 0)):
        yield Reference("POST", f"{server}/os-interface", {"interfaceAttachment": attachment}, own)
    volume = {"volumeAttachment": {"volumeId": "their block_storage_volumes"}}
    yield Reference("POST", f"{server}/os-volume_attachments", volume, own=400)
    yield Reference("POST", f"{server}/action", rebuild)


def _storage() -> Iterator[Reference]:
    volumes, volume = f"{VOLUME}/volumes", "their block_storage_volumes"
    for name, value, own in (
        ("source_volid", volume, 400),
        ("snapshot_id", "their block_storage_snapshots", 400),
        ("backup_id", "their block_storage_backups", 400),
        ("imageRef", "their image_images", 0),
        ("volume_type", "their block_storage_types", 0),
        ("group_id", "their block_storage_groups", 400),
    ):
        yield Reference("POST", volumes, {"volume": {"size": 1, name: value}}, own)
    yield Reference("POST", f"{VOLUME}/snapshots", {"snapshot": {"volume_id": volume}}, own=400)
    yield Reference("POST", f"{VOLUME}/backups", {"backup": {"volume_id": volume}}, own=400)
    snapshot = {"volume_id": "my block_storage_volumes", "snapshot_id": "their block_storage_snapshots"}
    yield Reference("POST", f"{VOLUME}/backups", {"backup": snapshot}, own=400)
    offer = {"transfer": {"volume_id": volume}}
    yield Reference("POST", f"{VOLUME}/volume-transfers", offer)
    yield Reference("POST", f"{VOLUME}/os-volume-transfer", offer, own=400)  # it is offered by now
    attachment = {"volume_uuid": volume, "instance_uuid": "my compute_servers"}
    yield Reference("POST", f"{VOLUME}/attachments", {"attachment": attachment}, own=400)
    kinds = {"group_type": "my group_type", "volume_types": ["their block_storage_types"]}
    yield Reference("POST", f"{VOLUME}/groups", {"group": kinds})
    snapshot = {"group_id": "their block_storage_groups"}
    yield Reference("POST", f"{VOLUME}/group_snapshots", {"group_snapshot": snapshot}, own=400)
    for name, table in (("group_snapshot_id", "group_snapshots"), ("source_group_id", "groups")):
        copied = {"create-from-src": {name: f"their block_storage_{table}"}}
        yield Reference("POST", f"{VOLUME}/groups/action", copied, own=400)
    body = {"group": {"add_volumes": volume}}
    yield Reference("PUT", f"{VOLUME}/groups/my block_storage_groups", body, own=400)
    restored = {"restore": {"volume_id": volume}}
    yield Reference("POST", f"{VOLUME}/backups/my block_storage_backups/restore", restored, own=400)
    for action in (
        {"os-retype": {"new_type": "their block_storage_types", "migration_policy": "never"}},
        {"os-reimage": {"image_id": "their image_images"}},
    ):
        yield Reference("POST", f"{volumes}/my block_storage_volumes/action", action, own=400)


def _others() -> Iterator[Reference]:
    project, me = "their identity_projects", f"{IDENTITY}/users/my me"
    image = {"name": "x", "owner": project}
    yield Reference("POST", f"{IMAGE}/images", image)
    yield Reference("POST", f"{me}/credentials/OS-EC2", {"tenant_id": project})
    secret = {"type": "cert", "blob": "x", "project_id": project, "user_id": "my me"}
    yield Reference("POST", f"{IDENTITY}/credentials", {"credential": secret})
    trust = {"trustor_user_id": "my me", "trustee_user_id": "my identity_users", "impersonation": False}
    trust |= {"project_id": project, "roles": [{"name": "member"}]}
    yield Reference("POST", f"{IDENTITY}/OS-TRUST/trusts", {"trust": trust})
    token = {"methods": ["token"], "token": {"id": "my token"}}
    scope = {"project": {"id": project}}
    body = {"auth": {"identity": token, "scope": scope}}
    yield Reference("POST", f"{IDENTITY}/auth/tokens", body)


def references() -> list[Reference]:
    """Return all of them."""
    return [*_network(), *_network_more(), *_compute(), *_storage(), *_others()]


def searches(service: Service, mine: Estate, theirs: Estate) -> Iterator[tuple[str, str, str]]:
    """Return (path, parameter, id of theirs) for each list and show of one's own."""
    named = NAMED.get(service.name, {})
    for template, methods in openapi.document(service)["paths"].items():
        described = methods.get("get")
        names = re.findall(r"{([^}]*)}", template)
        if described is None or any(named.get(name) not in mine.ids for name in names):
            continue
        path = template.format(**{name: mine.ids[named[name]] for name in names})
        asked = {entry["name"] for entry in described.get("parameters", ()) if entry["in"] == "query"}
        for name in sorted(asked | {"project_id", "tenant_id", "marker"}):
            tried = _listed(template, theirs) if name in ("id", "marker") else _named(name, named, theirs)
            yield from ((path, name, value) for value in tried if len(value) >= SHORTEST)


def _listed(template: str, theirs: Estate) -> list[str]:
    """Return the ids that a list may hold, by the words of its path."""
    words = {part.removeprefix("os-").replace("-", "_") for part in template.split("/")[3:]} - {""}
    return [value for table, value in theirs.ids.items() if any(word in table for word in words)]


def _named(name: str, named: Mapping[str, str], theirs: Estate) -> list[str]:
    if name in ("project_id", "tenant_id", "owner"):
        return [theirs.project]
    table = "identity_users" if name == "user_id" else named.get(name, "")
    return [theirs.ids[table]] if table in theirs.ids else []
