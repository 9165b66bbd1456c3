import asyncio
from typing import Any, Protocol

import msgspec
import pytest

from cumulo.core import errors
from cumulo.core.bus import LocalBus, answering, remote, verbs
from cumulo.core.drivers import Gone, Permanent, Temporary


class Spec(msgspec.Struct, frozen=True):
    name: str
    sizes: tuple[int, ...] = ()


class Missing(Exception):
    pass


class Shelf(Protocol):
    async def put(self, spec: Spec, *, fence: int = 0) -> Spec: ...

    async def list(self) -> list[Spec]: ...

    async def find(self, name: str, size: int | None = None) -> Spec | None: ...

    async def drop(self, name: str) -> None: ...


class WoodenShelf:
    def __init__(self) -> None:
        self.specs: dict[str, Spec] = {}
        self.fences: list[int] = []

    async def put(self, spec: Spec, *, fence: int = 0) -> Spec:
        self.specs[spec.name] = spec
        self.fences.append(fence)
        return spec

    async def list(self) -> list[Spec]:
        return list(self.specs.values())

    async def find(self, name: str, size: int | None = None) -> Spec | None:
        spec = self.specs.get(name)
        return spec if spec and (size is None or size in spec.sizes) else None

    async def drop(self, name: str) -> None:
        failures: dict[str, Exception] = {
            "busy": Temporary("is busy", retry_in=2.5, public="wait"),
            "gone": Gone("is gone"),
            "conflict": errors.Duplicate(constraint="c", odd=object()),
            "foreign": ZeroDivisionError("division"),
        }
        raise failures[name]


@pytest.fixture
async def bus() -> LocalBus:
    bus = LocalBus()
    await bus.serve("h1", verbs("shelf", Shelf, WoodenShelf()))
    return bus


async def test_a_proxy_does_what_the_object_does(bus: LocalBus) -> None:
    shelf: Any = remote(bus, "h1", Shelf)  # type: ignore[type-abstract]
    spec = Spec("a", (1, 2))
    assert await shelf.put(spec, fence=7) == spec
    assert await shelf.put(Spec("b")) == Spec("b")
    assert await shelf.list() == [spec, Spec("b")]
    assert await shelf.find("a", 2) == spec
    assert await shelf.find("a", size=3) is None
    assert await shelf.find(name="none") is None


async def test_nothing_is_shared_across_the_bus() -> None:
    bus, shelf = LocalBus(), WoodenShelf()
    await bus.serve("h1", verbs("shelf", Shelf, shelf))
    spec = Spec("a")
    await remote(bus, "h1", Shelf).put(spec, fence=3)  # type: ignore[type-abstract]
    assert shelf.specs["a"] == spec
    assert shelf.specs["a"] is not spec
    assert shelf.fences == [3]


async def test_errors_cross_the_bus(bus: LocalBus) -> None:
    shelf: Any = remote(bus, "h1", Shelf)  # type: ignore[type-abstract]
    with pytest.raises(Temporary, match="is busy") as temporary:
        await shelf.drop("busy")
    assert (temporary.value.retry_in, temporary.value.public) == (2.5, "wait")
    with pytest.raises(Gone, match="is gone"):
        await shelf.drop("gone")
    with pytest.raises(errors.Duplicate) as duplicate:
        await shelf.drop("conflict")
    assert duplicate.value.fields["constraint"] == "c"
    with pytest.raises(Permanent, match="ZeroDivisionError: division") as foreign:
        await shelf.drop("foreign")
    assert foreign.value.public == ""


async def test_a_host_that_is_not_there_is_unavailable(bus: LocalBus) -> None:
    with pytest.raises(errors.Unavailable):
        await bus.call("h2", "shelf.list", None, list[Spec])
    with pytest.raises(errors.Unsupported):
        await bus.call("h1", "shelf.paint", None, list[Spec])
    await bus.withdraw("h1")
    with pytest.raises(errors.Unavailable):
        await bus.call("h1", "shelf.list", None, list[Spec])


async def test_a_host_that_is_silent_is_unavailable(bus: LocalBus) -> None:
    async def sleep() -> None:
        await asyncio.Event().wait()

    await bus.serve("h1", {"sleep": answering(None, sleep)})
    with pytest.raises(errors.Unavailable, match="in time"):
        await bus.call("h1", "sleep", None, type(None), timeout=0.01)


async def test_events_reach_every_subscriber_in_order(bus: LocalBus) -> None:
    first: list[str] = []
    second: list[str] = []

    async def slowly(event: Spec) -> None:
        await asyncio.sleep(0)
        first.append(event.name)
        if event.name == "1":
            raise Missing

    async def quickly(event: Spec) -> None:
        second.append(event.name)

    bus.subscribe("shelf", Spec, slowly)
    bus.subscribe("shelf", Spec, quickly)
    for n in range(5):
        await bus.publish("shelf", Spec(str(n)))
    await bus.publish("nobody", Spec("x"))
    await bus.settle()
    assert first == second == ["0", "1", "2", "3", "4"]
