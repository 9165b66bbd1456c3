from ipaddress import IPv4Network

import pytest

from cumulo.runtime.engines.external import NoFreeNetwork, free_network, host_address


def test_the_first_network_is_taken_when_nothing_is_used():
    assert free_network([]) == IPv4Network("172.24.4.0/24")


def test_overlapping_networks_are_passed_over():
    used = [IPv4Network("172.24.4.128/25"), IPv4Network("172.24.5.0/24"), IPv4Network("10.0.0.0/8")]
    assert free_network(used) == IPv4Network("172.24.6.0/24")


def test_none_free_says_what_to_set():
    with pytest.raises(NoFreeNetwork, match="external_cidr"):
        free_network([IPv4Network("172.16.0.0/12")])


def test_the_machine_has_the_first_address():
    assert host_address(IPv4Network("172.24.7.0/24")) == "172.24.7.1/24"
