"""The engines of a cloud on this machine: private copies under the state folder."""

from cumulo.runtime.engines import libvirt, openvswitch, ovn
from cumulo.runtime.engines.engine import CommandFailed, Engine
from cumulo.runtime.engines.external import external_network, host_address
from cumulo.runtime.state import StateFolder

__all__ = ["CommandFailed", "Engine", "engines_of"]

VSWITCH_SCHEMA = openvswitch.SCHEMA


async def engines_of(state: StateFolder, *, external_cidr: str = "") -> list[Engine]:
    """Return the cloud's engines. `external_cidr` fixes the external network instead of a free one."""
    network = await external_network(state, external_cidr)
    return [
        openvswitch.database_server(state, "vswitch", VSWITCH_SCHEMA),
        *ovn.databases(state),
        openvswitch.switch(state, host_address(network)),
        ovn.translator(state),
        ovn.controller(state),
        *libvirt.daemons(state),
    ]
