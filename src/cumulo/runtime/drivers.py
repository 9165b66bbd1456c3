"""The drivers of this cloud's services: real ones on its engines, remembering ones when it has none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from cumulo.core.bus import Bus
from cumulo.core.tasks import Tasks
from cumulo.runtime.memory import NETWORK, Memory
from cumulo.runtime.state import StateFolder
from cumulo.services.block_storage.tasks import listen as listen_to_pools
from cumulo.services.image.drivers import Store
from cumulo.services.image.drivers.files import FileStore
from cumulo.services.network.drivers.fake import FakeDriver
from cumulo.services.network.drivers.ovn.driver import OvnDriver
from cumulo.services.network.drivers.specs import Driver as NetworkDriver
from cumulo.services.network.tasks import follow


@dataclass
class Drivers:
    """What to bind, and what starts and stops with the cloud."""

    bindings: dict[type, Any] = field(default_factory=dict)
    starting: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    stopping: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


def drivers_of(state: StateFolder, memory: Memory, *, engines: bool) -> Drivers:
    """Return the drivers."""
    drivers = Drivers({Store: FileStore(state.path / "images")})
    if engines:
        ovn = OvnDriver(f"unix:{state.socket('nb')}", f"unix:{state.socket('sb')}")
        drivers.bindings[NetworkDriver] = ovn
        drivers.starting.append(ovn.start)
        drivers.stopping.append(ovn.stop)
    else:
        drivers.bindings[NetworkDriver] = memory.keep("network", FakeDriver(), NETWORK)
    return drivers


def connect(drivers: Drivers, tasks: Tasks) -> None:
    """Have reconcilers woken when an engine changes by itself, and pools' reports written down."""
    follow(drivers.bindings[NetworkDriver], tasks.wake)
    listen_to_pools(tasks.bindings[Bus], tasks)
