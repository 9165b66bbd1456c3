"""The supervisor: the small parent process that keeps Cumulo's server and its engines running."""

from cumulo.runtime.supervisor.parts import PartState, PartStatus, Status, read_status
from cumulo.runtime.supervisor.supervisor import Supervisor

__all__ = ["PartState", "PartStatus", "Status", "Supervisor", "read_status"]
