"""What a host's options in Open vSwitch say may be promised of its network."""

from typing import Any

import pytest

from cumulo.services.network.drivers.ovn import capacities
from cumulo.services.network.drivers.specs import Capacity, Link

MAPPINGS = "outside:br-ex,racks:br-racks,also:br-ex"


def chassis(*options: str) -> dict[str, Any]:
    said = {"ovn-cms-options": ",".join(options), "ovn-bridge-mappings": MAPPINGS}
    return {"name": "c1", "other_config": said}


def test_a_host_that_says_nothing_promises_nothing():
    assert capacities.of({"name": "c1", "other_config": {}}) == Capacity()
    assert capacities.of(chassis("enable-chassis-as-gw", "availability-zones=a:b")) == Capacity()


def test_bandwidths_are_of_bridges_to_physical_networks():
    found = capacities.of(
        chassis("none", "resource_provider_bandwidths=br-ex:1000:2000;br-racks::5;br-int:1:1")
    )
    assert found.links == (
        Link(bridge="br-ex", physical_networks=("outside", "also"), egress=1000, ingress=2000),
        Link(bridge="br-racks", physical_networks=("racks",), egress=None, ingress=5),
    )


def test_packets_are_counted_both_ways_together_or_each_by_itself():
    together = "resource_provider_packet_processing_without_direction=h1:5000"
    assert capacities.of(chassis(together)).packets == {"any": 5000}
    apart = "resource_provider_packet_processing_with_direction=h1:300:"
    assert capacities.of(chassis(apart)).packets == {"egress": 300}


@pytest.mark.parametrize("slip", ["br-ex:1e3:many", "br-ex", "br-ex:-1:٣", ":::;;"])
def test_a_slip_of_the_pen_is_left_out(slip: str):
    found = capacities.of(chassis(f"resource_provider_bandwidths={slip}"))
    assert [(link.egress, link.ingress) for link in found.links] in ([], [(None, None)])


def test_how_placement_counts_is_told_with_defaults():
    defaults = "allocation_ratio:2.5;step_size:100;min_unit:x;odd:1;reserved"
    said = chassis(f"resource_provider_inventory_defaults={defaults}")
    assert capacities.of(said).inventory == {"allocation_ratio": 2.5, "step_size": 100}
