"""Who changes the same allocations at the same time as others: on PostgreSQL, each sees what they did."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
import sqlalchemy
from tests.services.placement.test_api import C1, C2, P1, P2, claim, provider

from cumulo.core.db import Database, Transaction
from cumulo.services.placement import claims, domain, errors
from cumulo.services.placement.claims import Claimant
from cumulo.services.placement.model import Allocation, Provider

P3 = "33333333-3333-4333-8333-333333333333"
_ACTIVITY = sqlalchemy.table("pg_stat_activity", *map(sqlalchemy.column, ("wait_event_type", "datname")))
_WAITING = (
    sqlalchemy.select(sqlalchemy.literal_column("1", sqlalchemy.Integer))
    .select_from(_ACTIVITY)
    .where(_ACTIVITY.c.wait_event_type == "Lock", _ACTIVITY.c.datname == sqlalchemy.func.current_database())
)
Work = Callable[[Transaction], Awaitable[Any]]


async def meanwhile(database: Database, first: Work, second: Work) -> tuple[Any, Any]:
    """Do a second work while a first one's is not committed; return what they say, perhaps errors."""

    async def late() -> Any:
        async with database.begin() as db:
            return await second(db)

    async with database.begin() as db:
        said = await first(db)
        waiting = asyncio.create_task(late())
        await _until_it_waits(database, waiting)
    return said, (await asyncio.gather(waiting, return_exceptions=True))[0]


async def _until_it_waits(database: Database, task: asyncio.Task[Any]) -> None:
    """Return when somebody waits for a lock; SQLite's transactions take turns anyhow."""
    if database.dialect == "sqlite":
        return
    async with asyncio.timeout(20):
        while not task.done():
            async with database.read() as db:
                if await db.rows(_WAITING):
                    return


@pytest.fixture
async def stocked(api: httpx.AsyncClient) -> None:
    for uuid in (P1, P2, P3):
        await provider(api, uuid, VCPU={"total": 4})


def taking(generation: int | None, **amounts: int) -> Work:
    """Return the work of a claim of C1's: of a provider (`p1` …) so many VCPUs."""
    uuids = {"p1": P1, "p2": P2, "p3": P3}
    wanted: Mapping[str, Any] = {uuids[name]: {"VCPU": amount} for name, amount in amounts.items()}
    who = Claimant(id=C1, project_id="p", user_id="u", generation=generation)
    return lambda db: claims.allocate(db, who, wanted)


async def held(database: Database) -> dict[str, int]:
    async with database.read() as db:
        return {row.provider_id: row.used for row in await db.all(Allocation)}


@pytest.mark.usefixtures("stocked")
async def test_of_two_claims_made_in_ignorance_of_each_other_one_is_refused(database: Database) -> None:
    async with database.begin() as db:
        await taking(None, p1=1)(db)
    _, late = await meanwhile(database, taking(1, p2=2), taking(1, p3=3))
    assert isinstance(late, errors.Outdated)
    assert await held(database) == {P2: 2}


@pytest.mark.usefixtures("stocked")
async def test_of_two_claims_of_a_new_consumer_one_is_refused(database: Database) -> None:
    _, late = await meanwhile(database, taking(None, p2=2), taking(None, p3=3))
    assert isinstance(late, errors.Outdated)
    assert await held(database) == {P2: 2}


@pytest.mark.usefixtures("stocked")
async def test_what_is_claimed_while_it_is_released_is_released(database: Database) -> None:
    async with database.begin() as db:
        await taking(None, p1=1)(db)
    _, released = await meanwhile(database, taking(1, p2=2), lambda db: claims.release(db, C1))
    assert released == 1
    assert await held(database) == {}


@pytest.mark.usefixtures("stocked")
async def test_providers_that_go_below_one_another_make_no_loop(
    database: Database, api: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(
        api.put(f"/resource_providers/{P1}", json={"name": "1", "parent_provider_uuid": P2}),
        api.put(f"/resource_providers/{P2}", json={"name": "2", "parent_provider_uuid": P3}),
        api.put(f"/resource_providers/{P3}", json={"name": "3", "parent_provider_uuid": P1}),
    )
    assert {answer.status_code for answer in answers} <= {200, 400, 503}
    async with database.read() as db:
        parents = {row.id: row.parent_id for row in await db.all(Provider)}
        roots = {row.id: row.root_id for row in await db.all(Provider)}
    for id_ in parents:
        way = [id_]
        while (above := parents[way[-1]]) is not None:
            assert above not in way
            way.append(above)
        assert roots[id_] == way[-1]


async def test_consumers_change_places(api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 4})
    await provider(api, P2, VCPU={"total": 4})
    both = {C1: claim(P1, VCPU=4), C2: claim(P2, VCPU=4)}
    assert (await api.post("/allocations", json=both)).status_code == 204
    changed = {C1: claim(P2, generation=1, VCPU=4), C2: claim(P1, generation=1, VCPU=4)}
    answer = await api.post("/allocations", json=changed)
    assert answer.status_code == 204, answer.text
    crowded = {C1: claim(P2, generation=2, VCPU=3), C2: claim(P2, generation=2, VCPU=2)}
    assert (await api.post("/allocations", json=crowded)).status_code == 409
    assert (await api.get(f"/resource_providers/{P1}/usages")).json()["usages"] == {"VCPU": 4}


@pytest.mark.usefixtures("stocked")
async def test_a_name_that_two_make_at_once_is_made(database: Database) -> None:
    def making(db: Transaction) -> Awaitable[None]:
        return domain.add_traits(db, ["CUSTOM_NEW"])

    assert await meanwhile(database, making, making) == (None, None)
