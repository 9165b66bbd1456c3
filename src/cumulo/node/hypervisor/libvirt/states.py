"""What libvirt says of a domain, in the contract's words."""

from typing import Any

import libvirt

from cumulo.contracts.hypervisor import GuestState, PowerState

POWER = {
    libvirt.VIR_DOMAIN_NOSTATE: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_RUNNING: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: PowerState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: PowerState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: PowerState.RUNNING,  # still shutting down
    libvirt.VIR_DOMAIN_SHUTOFF: PowerState.SHUTDOWN,
    libvirt.VIR_DOMAIN_CRASHED: PowerState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: PowerState.SUSPENDED,
}
OFF = {
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: (PowerState.CRASHED, "its machine crashed"),
    libvirt.VIR_DOMAIN_SHUTOFF_FAILED: (PowerState.SHUTDOWN, "its machine did not start"),
}
STARTING = "it is starting"
TRAVELLING = "it is on its way to another host"
PAUSED = {
    libvirt.VIR_DOMAIN_PAUSED_STARTING_UP: STARTING,
    libvirt.VIR_DOMAIN_PAUSED_MIGRATION: TRAVELLING,  # until libvirt has handed it over
    libvirt.VIR_DOMAIN_PAUSED_IOERROR: "a disk failed",
    libvirt.VIR_DOMAIN_PAUSED_WATCHDOG: "its watchdog fired",
    libvirt.VIR_DOMAIN_PAUSED_CRASHED: "it crashed",
}


def power_of(domain: Any) -> tuple[PowerState, str]:
    """Return a domain's power state, and why it is in it when that matters."""
    state, reason = domain.state()
    if state == libvirt.VIR_DOMAIN_SHUTOFF and reason in OFF:
        return OFF[reason]
    if state == libvirt.VIR_DOMAIN_PAUSED:
        return PowerState.PAUSED, PAUSED.get(reason, "")
    return POWER.get(state, PowerState.RUNNING), ""


def state_of(server_id: str, domain: Any | None) -> GuestState:
    """Return what a server's domain is doing; `MISSING` when there is none."""
    power, reason = power_of(domain) if domain else (PowerState.MISSING, "")
    return GuestState(server_id=server_id, power=power, reason=reason, travelling=reason == TRAVELLING)
