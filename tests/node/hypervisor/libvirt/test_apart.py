"""What of libvirt may last long is asked for in threads of its own: the host is never silent for it."""

from collections.abc import Callable
from typing import Any

import libvirt
import pytest

from cumulo.node.hypervisor.libvirt import domains, lasting
from cumulo.node.hypervisor.libvirt.domains import Domains


class Connection:
    """A connection to a made-up libvirt with one domain; notes what was asked for apart."""

    def __init__(self, *, saved: bool = False) -> None:
        self.domain = Domain(saved=saved)
        self.apart: list[str] = []

    def lookupByName(self, name: str) -> "Domain":  # noqa: N802  libvirt's name
        del name
        return self.domain

    def listAllDomains(self) -> list["Domain"]:  # noqa: N802  libvirt's name
        self.domain.did("list")
        return []

    async def run(self, function: Callable[[Any], Any]) -> Any:
        return function(self)

    async def run_apart(self, function: Callable[[Any], Any]) -> Any:
        before = len(self.domain.done)
        found = function(self)
        self.apart += self.domain.done[before:]
        return found


class Domain:
    """A domain that notes what is done with it."""

    def __init__(self, *, saved: bool) -> None:
        self.saved = saved
        self.done: list[str] = []
        self.active = False

    def did(self, what: str) -> None:
        self.done.append(what)

    def hasManagedSaveImage(self) -> bool:  # noqa: N802  libvirt's name
        return self.saved

    def isActive(self) -> bool:  # noqa: N802  libvirt's name
        return self.active

    def state(self) -> tuple[int, int]:
        return (5, 0)

    def create(self) -> None:
        self.did("create")
        self.active = True

    def managedSave(self) -> None:  # noqa: N802  libvirt's name
        self.did("save")

    def XMLDesc(self) -> str:  # noqa: N802  libvirt's name
        return "<domain><devices/></domain>"


@pytest.mark.parametrize("saved", [True, False])
async def test_memory_that_comes_from_disk_keeps_no_other_waiting(saved: bool) -> None:
    connection = Connection(saved=saved)
    await Domains(connection, "cu-").start("guest")  # type: ignore[arg-type]
    assert connection.domain.done == ["create"]
    assert connection.apart == (["create"] if saved else [])


async def test_memory_that_goes_to_disk_keeps_no_other_waiting() -> None:
    connection = Connection()
    connection.domain.active = True
    domains = Domains(connection, "cu-")  # type: ignore[arg-type]
    await domains.save("guest")
    await domains.ask("guest", lambda domain: domain.did("ask"), apart=True)
    await domains.all()
    assert connection.apart == ["save", "ask", "list"]


class Holding(Domain):
    """A guest that lets go of its card only when it is asked for the second time, and a while after."""

    def __init__(self) -> None:
        super().__init__(saved=False)
        self.active = True
        self.looks = 0

    def detachDeviceAlias(self, alias: str, flags: int) -> None:  # noqa: N802  libvirt's name
        assert (alias, flags) == ("net0", libvirt.VIR_DOMAIN_AFFECT_LIVE)
        self.did("ask")

    def XMLDesc(self) -> str:  # noqa: N802  libvirt's name
        self.looks += len(self.done) > 1
        if self.looks > 3:
            return "<domain><devices/></domain>"
        card = "<interface><mac address='02:00:00:00:00:01'/><alias name='net0'/></interface>"
        return f"<domain><devices>{card}</devices></domain>"


async def test_a_guest_is_not_waited_for_in_libvirt_until_it_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libvirt's waiting would take a thread from others for as long as the guest likes."""
    monkeypatch.setattr(domains, "UNPLUG_AGAIN", 0.0)
    monkeypatch.setattr(domains, "UNPLUG_PAUSE", 0.0)
    monkeypatch.setattr(lasting, "forget", lambda domain, _: domain.did("forget"))
    connection = Connection()
    guest = connection.domain = Holding()
    assert await Domains(connection, "cu-").detach_card("guest", "02:00:00:00:00:01", 60)  # type: ignore[arg-type]
    assert guest.done[:2] == ["ask", "ask"]
    assert guest.done[-1] == "forget"
    assert not await _is_let_go(Holding())


async def _is_let_go(guest: Holding) -> bool:
    connection = Connection()
    connection.domain = guest
    return await Domains(connection, "cu-").detach_card("guest", "02:00:00:00:00:01", -1)  # type: ignore[arg-type]
