"""That what upstream documents is served: `documented/` has a list of each service that is to be whole."""

import re
from pathlib import Path

import pytest

from cumulo.core.http import Operation, Service

DOCUMENTED = Path(__file__).parent / "documented"
# What is not built yet has no route, and answers that nothing is there.
# Of networks, decision 0230 says why: services of their own (sfc, vpn, fwaas, bgp, taas); what OVN has
# nothing for (agents that serve DHCP or routers, helpers, limits of packet rates, local IPs).
_NOT_OF_OVN = (
    r"(sfc|vpn|fwaas|bgp[-\w]*|bgpvpn)/.*|taas/tap_(services|flows).*|bgp-.*|agents/\{\}/(dhcp-networks|l3-routers|bgp-dr).*|.*/(dhcp|l3)-agents"
    r"|routers/\{\}/conntrack_helpers.*|.*packet_rate_limit.*|local_ips.*"
)
ABSENT = {
    "identity": re.compile(r".*/OS-FEDERATION/.*"),
    "network": re.compile(rf"/v2\.0/({_NOT_OF_OVN})"),
}
NONE = re.compile(r"(?!)")


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _served(service: Service, operation: Operation) -> tuple[str, str]:
    """Return an operation as the lists write it: the method, and the path from the service's root."""
    if operation.at_root:
        return operation.method, operation.path or "/"
    return operation.method, _shape(f"{service.dialect.version_path}{operation.path}") or "/"


@pytest.mark.parametrize("name", [path.stem for path in DOCUMENTED.glob("*.txt")])
def test_every_documented_operation_is_served_or_known_to_be_absent(services: list[Service], name: str):
    service = next(service for service in services if service.name == name)
    served = {_served(service, operation) for operation in service.operations()}
    served |= {("HEAD", path) for method, path in served if method == "GET"}  # the router sees to it
    listed = [line.split() for line in (DOCUMENTED / f"{name}.txt").read_text().splitlines()]
    missing = {f"{method} {path}" for method, path in listed if (method, _shape(path)) not in served}
    absent = {f"{method} {path}" for method, path in listed if ABSENT.get(name, NONE).fullmatch(_shape(path))}
    assert missing == absent
