"""Each rule lets do those whom the service of OpenStack lets do by default, unless a decision says why not.

`defaults/<service>.txt` holds upstream's verdicts, a line a rule: its name, then who may. Rules that upstream
has for what there is not here, or that are ours alone, are not in it.
"""

import re
from pathlib import Path

import pytest
from tests.meta.personas import OWNED, PEOPLE

from cumulo.core.auth import Enforcer
from cumulo.core.http import Service

DEFAULTS = Path(__file__).parent / "defaults"
#: Names of rules whose verdicts differ, as patterns, with the reason; decision 0312 says more.
SCOPED = "the resource's scope leaves others nothing to see"
OPERATORS = "for administrators alone, where Neutron lets a project's managers"
DIFFERENT = {
    "block_storage": {r"volume_extension:(access_)?types?_(get|get_all|extra_specs.*)": SCOPED},
    "compute": {r"os_compute_api:os-volumes-attachments:swap": "nobody but compute itself swaps for another"},
    "image": {r"(get_metadef_namespace|list_metadef_resource_type)s": SCOPED, r"(add|get)_tasks?": SCOPED},
    "placement": {r"placement:reshaper:reshape": "administrators, too"},
    "network": {
        r"get_(address_group|address_scope|floatingip_pool|network|policy|port|rbac_policy|subnet)": SCOPED,
        r"get_(policy_\w+_rule|security_group|subnetpool)": SCOPED,
        r"get_(agent|network_segment_range|segment|service_profile)": SCOPED,
        r"get_(log|metering_label|metering_label_rule|security_groups_default_statefulness)": SCOPED,
        r"(create|update|delete)_(log|policy|policy_\w+_rule)": OPERATORS,
        r"(create|update|delete)_(metering_label|metering_label_rule)|get_loggable_resource": OPERATORS,
        r"(create|update|delete)_security_groups_default_statefulness|update_port:mac_address": OPERATORS,
        r"activate|(create|delete)_port_binding|(create|update)_port:binding:profile": "administrators, too",
        r"(create|update)_port:device_owner": "asked only for what begins with network:",
        r"(create|update)_subnet:service_types": "Neutron never asks it: its members say them, too",
        r"get_quota": "members see their limits, too, as in compute and block storage",
        r"restrict_wildcard": "is asked besides the operation's own rule, whose scope is a project",
    },
}


def is_different(service: str, rule: str) -> bool:
    return any(re.fullmatch(pattern, rule) for pattern in DIFFERENT.get(service, ()))


def verdicts(name: str) -> dict[str, str]:
    lines = (DEFAULTS / f"{name}.txt").read_text().splitlines()
    return dict(line.split("  ", 1) for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("name", [path.stem for path in sorted(DEFAULTS.glob("*.txt"))])
def test_rules_decide_as_upstreams_do_by_default(services: list[Service], name: str):
    service = next(each for each in services if each.name == name)
    enforcer = Enforcer(service.rules)
    differing = {}
    for rule, expected in verdicts(name).items():
        allowed = [who for who, identity in PEOPLE.items() if enforcer.allows(rule, identity, OWNED)]
        if (" ".join(allowed) or "-") != expected:
            differing[rule] = f"{rule}: upstream {expected}; ours {' '.join(allowed) or '-'}"
    told = "\n".join(what for rule, what in differing.items() if not is_different(name, rule))
    assert not told, told
    idle = [
        each for each in DIFFERENT.get(name, ()) if not any(re.fullmatch(each, rule) for rule in differing)
    ]
    assert not idle, f"nothing differs by {idle}"
