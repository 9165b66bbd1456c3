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
    SUSPENDED = "suspended"
    RESCUED = "rescued"
    RESIZED = "resized"
    SHELVED = "shelved"
    SHELVED_OFFLOADED = "shelved_offloaded"
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
    IMAGE_BACKUP = "image_backup"
    SUSPENDING = "suspending"
    RESUMING = "resuming"
    RESCUING = "rescuing"
    UNRESCUING = "unrescuing"
    REBUILDING = "rebuilding"
    REBUILD_SPAWNING = "rebuild_spawning"
    RESIZE_PREP = "resize_prep"
    RESIZE_MIGRATING = "resize_migrating"
    RESIZE_MIGRATED = "resize_migrated"
    RESIZE_FINISH = "resize_finish"
    RESIZE_REVERTING = "resize_reverting"
    RESIZE_CONFIRMING = "resize_confirming"
    SHELVING = "shelving"
    SHELVING_IMAGE_UPLOADING = "shelving_image_uploading"
    SHELVING_OFFLOADING = "shelving_offloading"
    UNSHELVING = "unshelving"
    MIGRATING = "migrating"
    UPDATING_PASSWORD = "updating_password"  # noqa: S105  a state, no password
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
    SUSPENDED = "SUSPENDED"
    RESCUE = "RESCUE"
    REBUILD = "REBUILD"
    RESIZE = "RESIZE"
    VERIFY_RESIZE = "VERIFY_RESIZE"
    REVERT_RESIZE = "REVERT_RESIZE"
    MIGRATING = "MIGRATING"
    PASSWORD = "PASSWORD"  # noqa: S105  a status, no password
    SHELVED = "SHELVED"
    SHELVED_OFFLOADED = "SHELVED_OFFLOADED"
    ERROR = "ERROR"
    DELETED = "DELETED"


_SETTLED: Mapping[VmState, Status] = {
    VmState.BUILDING: Status.BUILD,
    VmState.ACTIVE: Status.ACTIVE,
    VmState.STOPPED: Status.SHUTOFF,
    VmState.PAUSED: Status.PAUSED,
    VmState.SUSPENDED: Status.SUSPENDED,
    VmState.RESCUED: Status.RESCUE,
    VmState.RESIZED: Status.VERIFY_RESIZE,
    VmState.SHELVED: Status.SHELVED,
    VmState.SHELVED_OFFLOADED: Status.SHELVED_OFFLOADED,
    VmState.ERROR: Status.ERROR,
    VmState.DELETED: Status.DELETED,
}
_RUNS = frozenset({VmState.ACTIVE})
_RUNS_OR_NOT = frozenset({VmState.ACTIVE, VmState.STOPPED})
_BY_TASK: Mapping[TaskState, tuple[Status, frozenset[VmState]]] = {
    TaskState.REBOOTING: (Status.REBOOT, _RUNS),
    TaskState.REBOOTING_HARD: (Status.HARD_REBOOT, frozenset(VmState) - {VmState.DELETED, VmState.BUILDING}),
    TaskState.REBUILDING: (Status.REBUILD, _RUNS_OR_NOT | {VmState.ERROR}),
    TaskState.REBUILD_SPAWNING: (Status.REBUILD, _RUNS_OR_NOT | {VmState.ERROR}),
    TaskState.RESIZE_PREP: (Status.RESIZE, _RUNS_OR_NOT),
    TaskState.RESIZE_MIGRATING: (Status.RESIZE, _RUNS_OR_NOT),
    TaskState.RESIZE_MIGRATED: (Status.RESIZE, _RUNS_OR_NOT),
    TaskState.RESIZE_FINISH: (Status.RESIZE, _RUNS_OR_NOT),
    TaskState.RESIZE_REVERTING: (Status.REVERT_RESIZE, frozenset({VmState.RESIZED})),
    TaskState.MIGRATING: (Status.MIGRATING, frozenset({VmState.ACTIVE, VmState.PAUSED})),
    TaskState.UPDATING_PASSWORD: (Status.PASSWORD, _RUNS),
}
"""What a task shows as, and in which states of the server."""


def _shown(vm: VmState, task: TaskState | None) -> Status:
    if task is None or task not in _BY_TASK:
        return _SETTLED[vm]
    status, states = _BY_TASK[task]
    return status if vm in states else _SETTLED[vm]


STATUSES: Mapping[tuple[VmState, TaskState | None], Status] = {
    (vm, task): _shown(vm, task) for vm in VmState for task in (None, *TaskState)
}
"""The status for every pair of states."""


def status_of(vm_state: VmState, task_state: TaskState | None) -> Status:
    """Return what a client sees of these states."""
    return STATUSES[vm_state, task_state]


PROGRESSING = frozenset(
    {
        Status.ACTIVE,
        Status.BUILD,
        Status.REBUILD,
        Status.RESIZE,
        Status.VERIFY_RESIZE,
        Status.REVERT_RESIZE,
        Status.MIGRATING,
    }
)
"""The statuses whose document has `progress`."""

FAULTY = frozenset({Status.ERROR, Status.DELETED})
"""The statuses whose document may have `fault`."""
