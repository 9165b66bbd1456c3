"""Sagas that only these tests know, and a world they change."""

from collections import Counter
from typing import ClassVar

import msgspec

from cumulo.core import errors
from cumulo.core.drivers import Permanent
from cumulo.core.tasks import EffectRun, Saga, StepRun, TaskError, effect, on_failure, step


class World:
    """What effects change: places visited, and how often each thing was done."""

    def __init__(self) -> None:
        self.here: set[str] = set()
        self.done: Counter[str] = Counter()
        self.rows: dict[str, str] = {}
        self.fences: list[int] = []
        self.failures: dict[str, list[Exception]] = {}

    def act(self, name: str) -> None:
        self.done[name] += 1
        planned = self.failures.get(name)
        if planned:
            raise planned.pop(0)


class Ticket(msgspec.Struct):
    seat: int
    class_: str = "second"


class Journey(Saga):
    """Reserve, travel, arrive."""

    traveller: str
    by_bus: bool = False
    lock: ClassVar[str] = "traveller:{traveller}"

    @step
    async def reserve(self, run: StepRun) -> Ticket:
        """Reserve a seat."""
        run.use(World).act("reserve")
        return Ticket(7)

    @reserve.undo
    async def cancel(self, run: StepRun) -> None:
        run.use(World).act("cancel")

    @effect(timeout=5, retries=2)
    async def travel(self, run: EffectRun) -> str:
        """Go there."""
        assert run[Journey.reserve].seat == 7
        world = run.use(World)
        world.fences.append(run.fence)
        run.say("on the way")
        world.here.add(self.traveller)
        world.act("travel")
        return "there"

    @travel.undo
    async def travel_back(self, run: EffectRun) -> None:
        run.use(World).here.discard(self.traveller)
        run.use(World).act("travel_back")

    @effect(when=lambda saga, run: saga.by_bus)
    async def ride(self, run: EffectRun) -> None:
        run.use(World).act("ride")

    @ride.undo
    async def ride_back(self, run: EffectRun) -> None:
        run.use(World).act("ride_back")

    @step
    async def arrive(self, run: StepRun) -> None:
        """Say so."""
        run.use(World).act("arrive")
        assert run[Journey.travel] == "there"
        assert run[Journey.ride] is None

    @on_failure
    async def give_up(self, run: StepRun, error: TaskError) -> None:
        run.use(World).rows[self.traveller] = f"{error.part}: {error.public}"
        run.use(World).act("give_up")


class Hidden(Permanent):
    pass


class Steps(Saga):
    """Five steps."""

    name: str

    @step
    async def one(self, run: StepRun) -> int:
        return 1

    @step
    async def two(self, run: StepRun) -> int:
        return run[Steps.one] + 1

    @step
    async def three(self, run: StepRun) -> int:
        return run[Steps.two] + 1

    @step
    async def four(self, run: StepRun) -> int:
        return run[Steps.three] + 1

    @step
    async def five(self, run: StepRun) -> int:
        if run[Steps.four] != 4:
            raise errors.Bug
        return 5


class Parent(Saga):
    """Start another saga."""

    @step
    async def beget(self, run: StepRun) -> str:
        return await run.start(Steps(name="child"))
