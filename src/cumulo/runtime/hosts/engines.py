"""What runs for a further host: as for the machine itself, but in the host's network namespace.

The namespace's `eth0` is a cable to the external bridge of the cloud's own switch. The host's external bridge
has it as a port, and an address on its device: over it go the tunnels to the other hosts, and what guests
send to the external network. A switch in user space loses frames that are not finished, so nothing on the
way may leave a checksum or a segmentation for later.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from cumulo.runtime.engines import libvirt, openvswitch, ovn
from cumulo.runtime.engines.engine import Engine, run, says
from cumulo.runtime.engines.openvswitch import Chassis, environment, logging
from cumulo.runtime.hosts.folder import Membership, address_of, cable, namespace
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder, write_private

NODE = "node"
INNER = "eth0"
_NAMESPACES = Path("/run/netns")
_OFFLOADS = [word for name in ("rx", "tx", "tso", "gso", "gro") for word in (name, "off")]
# A fresh /sys shows the devices of this namespace; all other mounts stay the machine's, so that all see what
# `ip netns` mounts later.
_OWN_DEVICES = 'mount --make-rprivate /sys && mount -t sysfs sysfs /sys && exec "$@"'


def engines_of(state: StateFolder, member: Membership) -> list[Engine]:
    """Return a host's engines and its node."""
    database = openvswitch.database_server(state, "vswitch", openvswitch.SCHEMA)
    controller = ovn.controller(state)
    virtlogd, libvirtd = libvirt.daemons(state, member.cloud)

    async def have_network() -> None:
        await database.before_start()
        await ensure_network(state, member)

    return [
        _inside(state, database, before_start=have_network),
        switch(state, member),
        _inside(state, controller, after=("ovs-vswitchd",)),
        _inside(state, virtlogd, devices=False, after=("ovsdb-vswitch",)),
        _inside(state, libvirtd, devices=False),
        node(state),
    ]


def switch(state: StateFolder, member: Membership) -> Engine:
    """Return a host's ovs-vswitchd with its two bridges."""
    control = f"{state.short_run}/ovs-vswitchd.ctl"
    chassis = Chassis(
        southbound=f"unix:{member.cloud.socket('sb')}",
        address=address_of(state).partition("/")[0],
        gateway=False,
        promises=runtime_settings(member.cloud).engines,
    )

    async def before_start() -> None:
        write_private(state.path / "datapath", openvswitch.datapath_type(member.cloud) + "\n")
        await openvswitch.configure(state, chassis)
        await openvswitch.add_port(state, INNER)

    async def once_ready() -> None:
        inside = ("ip", "-n", namespace(state))
        await run(*inside, "link", "set", state.integration_bridge, "up")
        await run(*inside, "link", "set", state.external_bridge, "up")
        await run(*inside, "address", "replace", address_of(state), "dev", state.external_bridge)
        ethtool = ("ip", "netns", "exec", namespace(state), "ethtool", "-K")
        await run(*ethtool, state.external_bridge, "tx", "off")

    async def ready() -> bool:
        return await says(f"{state.external_bridge}:", "ovs-appctl", "-t", control, "dpif/show")

    engine = Engine(
        name="ovs-vswitchd",
        program="ovs-vswitchd",
        command=["ovs-vswitchd", f"unix:{state.socket('vswitch')}", f"--unixctl={control}", *logging()],
        env=environment(state),
        after=("ovsdb-vswitch",),
        before_start=before_start,
        once_ready=once_ready,
        ready=ready,
        stop=["ovs-appctl", "-t", control, "exit", "--cleanup"],
    )
    return _inside(state, engine)


def node(state: StateFolder) -> Engine:
    """Return the host's node: a process that serves the hypervisor's verbs to the control plane."""
    mark = state.run / "node.ready"

    async def unmark() -> None:
        mark.unlink(missing_ok=True)

    async def ready() -> bool:
        return mark.exists()

    engine = Engine(
        name=NODE,
        program="python",
        command=[sys.executable, "-P", "-m", "cumulo.runtime.hosts.process", "--state", str(state.path)],
        after=("ovsdb-vswitch", "libvirtd"),
        before_start=unmark,
        ready=ready,
        for_guests=False,
    )
    return _inside(state, engine)


async def ensure_network(state: StateFolder, member: Membership) -> None:
    """Have the host's namespace, joined to the cloud's external bridge."""
    name, outer = namespace(state), cable(member)
    if not (_NAMESPACES / name).exists():
        await run("ip", "netns", "add", name)
        await run("ip", "-n", name, "link", "set", "lo", "up")
    if not _has_device(outer):
        await run("ip", "link", "add", outer, "type", "veth", "peer", "name", INNER, "netns", name)
    await run("ethtool", "-K", outer, *_OFFLOADS)
    await run("ip", "netns", "exec", name, "ethtool", "-K", INNER, *_OFFLOADS)
    await run("ip", "link", "set", outer, "up")
    await run("ip", "-n", name, "link", "set", INNER, "up")
    await openvswitch.add_port(member.cloud, outer)


def _has_device(name: str) -> bool:
    return Path(f"/sys/class/net/{name}").exists()


async def open_underlay(cloud: StateFolder) -> None:
    """Have the machine itself reached by the further hosts: the first of them has come."""
    address = address_of(cloud)
    await run("ip", "address", "replace", address, "dev", cloud.external_bridge)
    await openvswitch.configure(cloud, openvswitch.own_chassis(cloud))


def _inside(state: StateFolder, engine: Engine, *, devices: bool = True, **changes: object) -> Engine:
    """Have an engine run in the host's namespace; with `devices`, /sys shows those of the namespace."""
    own: Sequence[str] = (
        ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", _OWN_DEVICES, "sh")
        if devices
        else ()
    )
    enter = ["nsenter", f"--net={_NAMESPACES / namespace(state)}", *own]
    return dataclasses.replace(engine, command=[*enter, *engine.command], **changes)  # type: ignore[arg-type]  # fields of Engine
