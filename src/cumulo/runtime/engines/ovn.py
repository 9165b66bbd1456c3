"""Private OVN: both its databases, the translator between them, and the host's controller."""

from pathlib import Path

from cumulo.runtime.engines.engine import Engine, run, says
from cumulo.runtime.engines.openvswitch import database_server, environment, logging
from cumulo.runtime.state import StateFolder

SCHEMAS = Path("/usr/share/ovn")


def databases(state: StateFolder) -> list[Engine]:
    """Return the servers of the northbound and southbound databases."""
    return [database_server(state, name, SCHEMAS / f"ovn-{name}.ovsschema") for name in ("nb", "sb")]


def translator(state: StateFolder) -> Engine:
    """Return ovn-northd, which makes logical flows of what the network service wants."""
    control = f"{state.short_run}/ovn-northd.ctl"
    nb, sb = (f"unix:{state.socket(name)}" for name in ("nb", "sb"))

    async def initialise() -> None:
        await run("ovn-nbctl", f"--db={nb}", "--timeout=10", "init")
        await run("ovn-sbctl", f"--db={sb}", "--timeout=10", "init")

    return Engine(
        name="ovn-northd",
        program="ovn-northd",
        command=[
            "ovn-northd",
            f"--ovnnb-db={nb}",
            f"--ovnsb-db={sb}",
            f"--unixctl={control}",
            *logging(),
        ],
        env=environment(state),
        after=("ovsdb-nb", "ovsdb-sb"),
        before_start=initialise,
        ready=lambda: says("active", "ovn-appctl", "-t", control, "status"),
    )


def controller(state: StateFolder) -> Engine:
    """Return ovn-controller, which makes flows of the bridge out of logical flows."""
    # It takes no --unixctl: its control socket is found through its own pid file in OVN_RUNDIR.
    ask = ["env", f"OVN_RUNDIR={state.short_run}", "ovn-appctl", "-t", "ovn-controller"]
    return Engine(
        name="ovn-controller",
        program="ovn-controller",
        command=["ovn-controller", f"unix:{state.socket('vswitch')}", "--pidfile", *logging()],
        env=environment(state),
        after=("ovsdb-sb", "ovs-vswitchd"),
        ready=lambda: says("connected", *ask, "connection-status"),
        stop=[*ask, "exit", "--restart"],
    )
