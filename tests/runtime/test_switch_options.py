"""What a host's Open vSwitch tells the network service of it."""

from pathlib import Path

from cumulo.runtime.engines.openvswitch import Chassis, options_of, own_chassis
from cumulo.runtime.settings import EngineSettings
from cumulo.runtime.state import StateFolder


def test_a_host_promises_what_the_clouds_settings_say(tmp_path: Path):
    state = StateFolder(tmp_path / "cloud")
    state.prepare()
    state.config.write_text("[engines]\nbandwidth_egress = 1000\npacket_rate = 7\n")
    rates = f"resource_provider_bandwidths={state.external_bridge}:1000:"
    packets = f"resource_provider_packet_processing_without_direction={state.host}:7"
    assert options_of(state, own_chassis(state)) == ["enable-chassis-as-gw", rates, packets]


def test_a_host_promises_nothing_by_itself(tmp_path: Path):
    state = StateFolder(tmp_path / "cloud")
    state.prepare()
    further = Chassis("unix:sb", "192.0.2.1", gateway=False, promises=EngineSettings())
    assert options_of(state, further) == ["none"]
