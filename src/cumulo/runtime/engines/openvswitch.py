"""Private Open vSwitch: its database server and its daemon, with this cloud's two bridges.

Where the kernel has no `openvswitch` module the datapath is in userspace (`netdev`): see `datapath`.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

from cumulo.runtime.engines import datapath
from cumulo.runtime.engines.engine import CommandFailed, Engine, ovsdb_answers, run, says
from cumulo.runtime.settings import EngineSettings, runtime_settings
from cumulo.runtime.state import StateFolder, write_private

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
PHYSICAL_NETWORK = "external"
_DEVICES = Path("/sys/class/net")
_KERNEL_DATAPATH = "ovs-system"


class Chassis(NamedTuple):
    """What OVN is told of a host. address: where tunnels end; gateway: whether routers may be there.

    promises: of what `promises_of` makes an option, as the cloud's settings say.
    """

    southbound: str
    address: str
    gateway: bool
    promises: EngineSettings


def own_chassis(state: StateFolder) -> Chassis:
    """Return what OVN is told of the machine itself. Its tunnels lead nowhere before it has further hosts."""
    underlay = state.path / "underlay"
    address = underlay.read_text(encoding="ascii").partition("/")[0] if underlay.exists() else "127.0.0.1"
    return Chassis(f"unix:{state.socket('sb')}", address, True, runtime_settings(state).engines)


def environment(state: StateFolder) -> dict[str, str]:
    """Return what makes OVS's and OVN's programs keep everything in the state folder."""
    run_folder, logs = str(state.short_run), str(state.logs)
    return {
        "OVS_RUNDIR": run_folder,
        "OVN_RUNDIR": run_folder,
        "OVS_LOGDIR": logs,
        "OVN_LOGDIR": logs,
        "OVS_DBDIR": str(state.path / "ovsdb"),
        "OVN_DBDIR": str(state.path / "ovsdb"),
        "OVS_SYSCONFDIR": str(state.path / "ovsdb"),
    }


def logging() -> list[str]:
    """Return the options that send a program's log to its standard error, which we keep."""
    return ["-vconsole:info", "-vsyslog:off", "-vfile:off"]


def database_server(state: StateFolder, name: str, schema: Path) -> Engine:
    """Return an OVSDB server of one database, made or converted to the package's schema as needed."""
    database = state.path / "ovsdb" / f"{name}.db"

    async def create_or_convert() -> None:
        database.parent.mkdir(mode=0o700, exist_ok=True)
        if not database.exists():
            await run("ovsdb-tool", "create", str(database), str(schema))
        elif (await run("ovsdb-tool", "needs-conversion", str(database), str(schema))).strip() == "yes":
            await run("ovsdb-tool", "convert", str(database), str(schema))

    return Engine(
        name=f"ovsdb-{name}",
        program="ovsdb-server",
        command=[
            "ovsdb-server",
            str(database),
            f"--remote=punix:{state.socket(name)}",
            f"--unixctl={state.short_run}/ovsdb-{name}.ctl",
            *logging(),
        ],
        env=environment(state),
        before_start=create_or_convert,
        ready=lambda: ovsdb_answers(state.socket(name)),
    )


def switch(state: StateFolder, external_address: str) -> Engine:
    """Return ovs-vswitchd with its bridges; the machine has `external_address` (with /bits) outside."""
    control = f"{state.short_run}/ovs-vswitchd.ctl"
    lock = contextlib.AsyncExitStack()

    async def before_start() -> None:
        await lock.enter_async_context(datapath.sole_start())
        if datapath.taken():
            raise CommandFailed(f"another Open vSwitch on this machine has the device {datapath.DEVICE}")
        datapath.remove(state.datapath_device)
        await configure(state, own_chassis(state))

    async def once_ready() -> None:
        if not (_DEVICES / state.datapath_device).exists():
            datapath.rename(state.datapath_device)
        await lock.aclose()
        await _bring_up(state, external_address)

    async def once_stopped() -> None:
        await lock.aclose()
        datapath.remove(state.datapath_device)

    async def ready() -> bool:
        # The bridges' devices outlive a killed daemon, so they say nothing of a new one.
        return await says(f"{state.external_bridge}:", "ovs-appctl", "-t", control, "dpif/show")

    return Engine(
        name="ovs-vswitchd",
        program="ovs-vswitchd",
        command=["ovs-vswitchd", f"unix:{state.socket('vswitch')}", f"--unixctl={control}", *logging()],
        env=environment(state),
        after=("ovsdb-vswitch",),
        before_start=before_start,
        once_ready=once_ready,
        once_stopped=once_stopped,
        ready=ready,
        stop=["ovs-appctl", "-t", control, "exit", "--cleanup"],
    )


async def configure(state: StateFolder, chassis: Chassis) -> None:
    """Write the bridges and OVN's settings into the database; the daemon follows when it starts."""
    kind = datapath_type(state)
    bridges: list[str] = []
    for bridge in (state.integration_bridge, state.external_bridge):
        bridges += ["--", "--may-exist", "add-br", bridge]
        bridges += ["--", "set", "bridge", bridge, f"datapath_type={kind}"]
    bridges += ["--", "set", "bridge", state.integration_bridge, "fail-mode=secure"]
    settings = {
        "system-id": state.host,
        "hostname": state.host,
        "ovn-remote": chassis.southbound,
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": chassis.address,
        "ovn-bridge": state.integration_bridge,
        "ovn-bridge-datapath-type": kind,
        "ovn-bridge-mappings": f"{PHYSICAL_NETWORK}:{state.external_bridge}",
        "ovn-cms-options": ",".join(options_of(state, chassis)),
        "ovn-monitor-all": "true",
    }
    written = [f'external-ids:{name}="{value}"' for name, value in settings.items()]
    await run(
        "ovs-vsctl",
        f"--db=unix:{state.socket('vswitch')}",
        "--timeout=10",
        "--no-wait",
        "--",
        "init",
        *bridges,
        "--",
        "set",
        "open",
        ".",
        *written,
    )


def options_of(state: StateFolder, chassis: Chassis) -> list[str]:
    """Return what the network service reads of a host: whether routers may be there, what may be promised."""
    options, said = ["enable-chassis-as-gw" if chassis.gateway else "none"], chassis.promises
    if said.bandwidth_egress or said.bandwidth_ingress:
        rates = f"{said.bandwidth_egress or ''}:{said.bandwidth_ingress or ''}"
        options.append(f"resource_provider_bandwidths={state.external_bridge}:{rates}")
    if said.packet_rate:
        rate = f"{state.host}:{said.packet_rate}"
        options.append(f"resource_provider_packet_processing_without_direction={rate}")
    return options


async def add_port(state: StateFolder, device: str) -> None:
    """Have a device as a port of the external bridge."""
    database = f"--db=unix:{state.socket('vswitch')}"
    words = ("--timeout=10", "--no-wait", "--may-exist", "add-port", state.external_bridge, device)
    await run("ovs-vsctl", database, *words)


def datapath_type(state: StateFolder) -> str:
    """Return `system` or `netdev`, chosen once per cloud and kept.

    The kernel's datapath has one fixed name as well, and a daemon deletes ports there that it does not
    know: it is ours only when nobody has it at our first start.
    """
    kept = state.path / "datapath"
    if not kept.exists():
        in_kernel = Path("/sys/module/openvswitch").exists()
        taken = (_DEVICES / _KERNEL_DATAPATH).exists()
        write_private(kept, "system\n" if in_kernel and not taken else "netdev\n")
    return kept.read_text(encoding="ascii").strip()


async def _bring_up(state: StateFolder, external_address: str) -> None:
    """Give the machine its address outside. Checksums must be whole: userspace OVS cannot finish them."""
    device = state.external_bridge
    await run("ip", "link", "set", state.integration_bridge, "up")
    await run("ip", "link", "set", device, "up")
    await run("ip", "address", "replace", external_address, "dev", device)
    underlay = state.path / "underlay"
    if underlay.exists():
        await run("ip", "address", "replace", underlay.read_text(encoding="ascii").strip(), "dev", device)
    await run("ethtool", "-K", device, "tx", "off")
