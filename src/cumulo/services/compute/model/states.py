"""A server's states, and the one that clients see, derived from them as Nova derives it."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum


class State(StrEnum):
    """A state. Its hash is its text's: an enum's own is computed in Python, and lists look up thousands."""

    __hash__ = str.__hash__


class VmState(State):
    """What a server is, once nothing is under way."""

    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    PAUSED = "paused"
    ERROR = "error"
    DELETED = "deleted"


class TaskState(State):
    """What is being done to a server."""

    SCHEDULING = "scheduling"
    NETWORKING = "networking"
    SPAWNING = "spawning"
    POWERING_ON = "powering-on"
    POWERING_OFF = "powering-off"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"
    PAUSING = "pausing"
    UNPAUSING = "unpausing"
    IMAGE_SNAPSHOT = "image_snapshot"
    IMAGE_UPLOADING = "image_uploading"
    DELETING = "deleting"


class Power(IntEnum):
    """What the guest's machine does, in Nova's numbers."""

    NOSTATE = 0
    RUNNING = 1
    PAUSED = 3
    SHUTDOWN = 4
    CRASHED = 6
    SUSPENDED = 7


class Status(State):
    """What clients see."""

    BUILD = "BUILD"
    ACTIVE = "ACTIVE"
    SHUTOFF = "SHUTOFF"
    PAUSED = "PAUSED"
    REBOOT = "REBOOT"
    HARD_REBOOT = "HARD_REBOOT"
    ERROR = "ERROR"
    DELETED = "DELETED"


_SETTLED: Mapping[VmState, Status] = {
    VmState.BUILDING: Status.BUILD,
    VmState.ACTIVE: Status.ACTIVE,
    VmState.STOPPED: Status.SHUTOFF,
    VmState.PAUSED: Status.PAUSED,
    VmState.ERROR: Status.ERROR,
    VmState.DELETED: Status.DELETED,
}
_REBOOTING: Mapping[TaskState, Status] = {
    TaskState.REBOOTING: Status.REBOOT,
    TaskState.REBOOTING_HARD: Status.HARD_REBOOT,
}
_REBOOTED_FROM: Mapping[TaskState, frozenset[VmState]] = {
    TaskState.REBOOTING: frozenset({VmState.ACTIVE}),
    TaskState.REBOOTING_HARD: frozenset(VmState) - {VmState.DELETED, VmState.BUILDING},
}
STATUSES: Mapping[tuple[VmState, TaskState | None], Status] = {
    (vm, task): (_REBOOTING[task] if task in _REBOOTING and vm in _REBOOTED_FROM[task] else _SETTLED[vm])
    for vm in VmState
    for task in (None, *TaskState)
}
"""The status for every pair of states."""


def status_of(vm_state: VmState, task_state: TaskState | None) -> Status:
    """Return what a client sees of these states."""
    return STATUSES[vm_state, task_state]


PROGRESSING = frozenset({Status.ACTIVE, Status.BUILD})
"""The statuses whose document has `progress`."""

FAULTY = frozenset({Status.ERROR, Status.DELETED})
"""The statuses whose document may have `fault`."""
