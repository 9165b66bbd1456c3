"""The node and the pools of this very machine, in the server's own process."""

from typing import cast

from cumulo.contracts.metadata import Metadata
from cumulo.contracts.migration import Tenure
from cumulo.core.bus import Bus, remote
from cumulo.node.host import Node
from cumulo.node.hypervisor.driver import HypervisorDriver
from cumulo.node.hypervisor.fake import FakeHypervisor
from cumulo.node.hypervisor.hypervisors import Hypervisors
from cumulo.node.hypervisor.libvirt.driver import LibvirtHypervisor
from cumulo.node.hypervisor.lxc import driver as lxc
from cumulo.node.metadata.namespaces import Namespaces
from cumulo.node.metadata.server import MetadataServer
from cumulo.node.ports.counters import Counters
from cumulo.node.ports.guard import Guard
from cumulo.node.ports.switch import Switch
from cumulo.node.ports.wiring import SwitchWiring
from cumulo.node.settings import NodeSettings, Place
from cumulo.node.volumes.drivers import Site, pools_of
from cumulo.node.volumes.fake import FakePool
from cumulo.node.volumes.host import VolumeHost
from cumulo.node.volumes.settings import VolumesSettings
from cumulo.runtime.control import CONTROL
from cumulo.runtime.engines import libvirt
from cumulo.runtime.memory import HYPERVISOR, POOL, Memory
from cumulo.runtime.settings import EngineSettings
from cumulo.runtime.state import StateFolder

_QUICK = 30.0  # seconds in which the control plane answers a host


def local_nodes(
    state: StateFolder, settings: NodeSettings, bus: Bus, engines: EngineSettings, memory: Memory
) -> tuple[Node, ...]:
    """Return the nodes that this process is: this machine's, or those of hosts of fakes."""
    if engines.start and settings.hypervisor != "fake":
        return (local_node(state, settings, bus),)
    names = [state.host, *(f"{state.host}-{number}" for number in range(2, engines.fake_hosts + 1))]
    kept = [memory.keep(f"hypervisor {name}", FakeHypervisor(name), HYPERVISOR) for name in names]
    return tuple(Node(name, bus, fake, settings) for name, fake in zip(names, kept, strict=True))


def local_node(state: StateFolder, settings: NodeSettings, bus: Bus) -> Node:
    """Return the node of this machine."""
    if settings.hypervisor == "fake":
        return Node(state.host, bus, FakeHypervisor(state.host), settings)
    switch = Switch(f"unix:{state.socket('vswitch')}", state.integration_bridge)
    wiring = SwitchWiring(switch, state.instance)
    driver = hypervisor(state, settings, wiring)
    source = remote(bus, CONTROL, Metadata)  # type: ignore[type-abstract]  # a Protocol is asked for, never made
    tenure = remote(bus, CONTROL, Tenure, timeout=_QUICK)  # type: ignore[type-abstract]  # as above
    metadata = MetadataServer(state.host, Namespaces(state.instance, switch), source)
    bridge = state.short_run / f"{state.integration_bridge}.mgmt"
    return Node(
        state.host,
        bus,
        driver,
        settings,
        switch=switch,
        metadata=metadata,
        tenure=tenure,
        guard=Guard(bridge),
        counters=Counters(bridge),
    )


def hypervisor(state: StateFolder, settings: NodeSettings, wiring: SwitchWiring) -> HypervisorDriver:
    """Return the driver of this machine's guests: machines, and containers where they are possible."""
    machines = LibvirtHypervisor(state.host, place(state), wiring, settings)
    if not settings.containers or not lxc.is_possible():
        return machines
    containers = lxc.LxcHypervisor(state.host, place(state), wiring, settings)
    return cast("HypervisorDriver", Hypervisors(machines, containers))


def local_volumes(
    state: StateFolder, settings: VolumesSettings, bus: Bus, memory: Memory, *, engines: bool
) -> VolumeHost:
    """Return the pools of this machine; remembering ones when there are no engines."""
    site = Site(state.host, state.path, state.short_run / "volumes")
    pools = {
        name: memory.keep(f"pool {name}", pool, POOL) if isinstance(pool, FakePool) else pool
        for name, pool in pools_of(settings, site, engines=engines).items()
    }
    return VolumeHost(state.host, bus, pools, report_every=settings.report_every)


def place(state: StateFolder) -> Place:
    """Return where the node works on this machine."""
    return Place(
        state=state.path,
        instance=state.instance,
        libvirt_uri=libvirt.uri(state),
        vswitch=f"unix:{state.socket('vswitch')}",
        bridge=state.integration_bridge,
        qemu_logs=libvirt.qemu_logs(state),
        short_run=state.short_run,
        peer_uri=libvirt.peer_uri(state),
        certified=True,
    )
