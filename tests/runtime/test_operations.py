"""Operations over HTTP: a project sees its own, with steps; a stuck one can be resumed."""

import pytest

from cumulo.core.auth import ANYONE, Rule
from cumulo.core.http import Ctx, Dialect, RouteSet, Service
from cumulo.core.tasks import EffectRun, Saga, StepRun, effect, step
from cumulo.runtime import operations
from cumulo.testing.cloud import Cloud

OPEN = Rule("paint:it", ANYONE, "Paint.")
routes = RouteSet()


class PaintWall(Saga):
    """Paint a wall."""

    colour: str

    @step
    async def choose(self, run: StepRun) -> str:
        """Choose the brush."""
        del run
        return "wide"

    @effect
    async def paint(self, run: EffectRun) -> None:
        """Paint."""
        run.say(f"painting it {self.colour}")


@routes.route("POST", "/walls/{colour}", policy=OPEN, status=202)
async def paint(ctx: Ctx, colour: str) -> dict[str, str]:
    """Paint a wall."""
    return {"operation": await ctx.start(PaintWall(colour=colour))}


PAINT = Service(
    name="paint",
    types=("paint",),
    dialect=Dialect(path="/paint"),
    parts=(routes,),
    rules=(OPEN,),
    sagas=(PaintWall,),
)


@pytest.fixture
async def cloud(database):
    await database.create_all()
    async with Cloud([PAINT, operations.SERVICE], database) as running:
        yield running


async def test_an_operation_is_shown_with_its_steps(cloud):
    member = cloud.member("p1")
    started = (await member.post("/paint/walls/red")).json()["operation"]
    await cloud.settle()
    shown = (await member.get(f"/operations/{started}")).json()["operation"]
    assert shown["state"] == "done"
    assert shown["name"] == "PaintWall"
    assert [(step["name"], step["state"]) for step in shown["steps"]] == [
        ("choose", "done"),
        ("paint", "done"),
    ]
    assert shown["steps"][1]["progress"] == "painting it red"


async def test_a_project_sees_its_own_and_an_administrator_all(cloud):
    started = (await cloud.member("p1").post("/paint/walls/red")).json()["operation"]
    await cloud.settle()
    other = cloud.member("p2")
    assert (await other.get("/operations")).json() == {"operations": []}
    assert (await other.get(f"/operations/{started}")).status_code == 404
    listed = (await cloud.admin().get("/operations?limit=10&state=done")).json()["operations"]
    assert [operation["id"] for operation in listed] == [started]


async def test_only_a_stuck_operation_can_be_resumed_and_only_by_an_administrator(cloud):
    started = (await cloud.member("p1").post("/paint/walls/red")).json()["operation"]
    await cloud.settle()
    assert (await cloud.member("p1").post(f"/operations/{started}/resume")).status_code == 403
    assert (await cloud.admin().post(f"/operations/{started}/resume")).status_code == 409
    assert (await cloud.admin().get("/operations?state=dancing")).status_code == 400
