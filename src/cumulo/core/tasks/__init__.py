"""Durable work: sagas that finish or unwind, reconcilers that keep things true, schedules."""

from cumulo.core.tasks.journal import LeaseLost, TaskRunning
from cumulo.core.tasks.model import PartState, Task, TaskPart, TaskState
from cumulo.core.tasks.operations import list_operations, show_operation
from cumulo.core.tasks.periodic import Periodic, Reconciler, Schedule, reconciler, schedule
from cumulo.core.tasks.runs import EffectRun, ReconcileRun, StepRun, TaskError
from cumulo.core.tasks.saga import SAGAS, Effect, Part, Saga, Step, effect, on_failure, step
from cumulo.core.tasks.worker import Tasks

__all__ = [
    "SAGAS",
    "Effect",
    "EffectRun",
    "LeaseLost",
    "Part",
    "PartState",
    "Periodic",
    "ReconcileRun",
    "Reconciler",
    "Saga",
    "Schedule",
    "Step",
    "StepRun",
    "Task",
    "TaskError",
    "TaskPart",
    "TaskRunning",
    "TaskState",
    "Tasks",
    "effect",
    "list_operations",
    "on_failure",
    "reconciler",
    "schedule",
    "show_operation",
    "step",
]
