"""Ports of a server that is on its way from one host to another."""

import pytest

from cumulo.services.network.drivers.ovn import switches
from cumulo.services.network.drivers.specs import PortSpec, Use


def options(**facts: object) -> dict[str, str]:
    spec = PortSpec(id="p", network_id="n", mac="fa:16:3e:00:00:01", **facts)  # type: ignore[arg-type]
    found: dict[str, str] = switches.port(spec)[0].columns["options"]
    return found


def test_a_guests_port_is_on_its_own_host_only() -> None:
    """Whatever another host has under the port's name."""
    assert options(host="h1") == {"requested-chassis": "h1"}


def test_a_port_that_is_expected_elsewhere_opens_there_when_its_guest_speaks() -> None:
    """Until then, both hosts are sent what is for it."""
    expected = {"requested-chassis": "h1,h2", "activation-strategy": "rarp"}
    assert options(host="h1", expected_at="h2") == expected


@pytest.mark.parametrize(
    "facts", [{}, {"host": "h1", "parent": "trunk"}, {"host": "h1", "use": Use.METADATA}]
)
def test_other_ports_are_wherever_their_device_is(facts: dict[str, object]) -> None:
    """A port without a guest, one within another, and one that each host has."""
    assert options(**facts) == {}
