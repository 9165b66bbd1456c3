from collections.abc import AsyncIterator, Callable

import pytest
from tests.core.tasks.journeys import Journey, Parent, Steps, World

from cumulo.core.db import Database
from cumulo.core.tasks import Tasks


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make(database: Database, world: World) -> Callable[..., Tasks]:
    def made(**options: object) -> Tasks:
        bindings = {World: world}
        return Tasks(database, sagas=[Journey, Steps, Parent], bindings=bindings, **options)  # type: ignore[arg-type]

    return made


@pytest.fixture
async def tasks(make: Callable[..., Tasks]) -> AsyncIterator[Tasks]:
    made = make()
    await made.start_workers()
    yield made
    await made.stop()
