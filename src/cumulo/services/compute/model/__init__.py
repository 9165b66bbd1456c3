"""Compute's tables and states."""

from cumulo.services.compute.model.catalogue import Flavor, FlavorAccess, Keypair
from cumulo.services.compute.model.disks import BlockDeviceMapping
from cumulo.services.compute.model.groups import Aggregate, ServerGroup
from cumulo.services.compute.model.hosts import ComputeHost
from cumulo.services.compute.model.migrations import Migration, Wish
from cumulo.services.compute.model.servers import (
    Aside,
    Asked,
    AskedFile,
    ConsoleToken,
    EmbeddedFlavor,
    Event,
    Server,
    ServerAction,
)
from cumulo.services.compute.model.states import (
    FAULTY,
    PROGRESSING,
    STATUSES,
    Power,
    Status,
    TaskState,
    VmState,
    status_of,
)

__all__ = [
    "FAULTY",
    "PROGRESSING",
    "STATUSES",
    "Aggregate",
    "Aside",
    "Asked",
    "AskedFile",
    "BlockDeviceMapping",
    "ComputeHost",
    "ConsoleToken",
    "EmbeddedFlavor",
    "Event",
    "Flavor",
    "FlavorAccess",
    "Keypair",
    "Migration",
    "Power",
    "Server",
    "ServerAction",
    "ServerGroup",
    "Status",
    "TaskState",
    "VmState",
    "Wish",
    "status_of",
]
