"""Limits hold: at the edge, by project, for two at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest

from cumulo.core.db import METADATA, Database, Integer, Model, Reader, String, Transaction, column
from cumulo.core.errors import OverQuota
from cumulo.core.quota import Limits, Quota, QuotaSettings, Standing, UnknownResource
from cumulo.core.work import Work


class Toy(Model, table="quota_test_toys"):
    id: str = column(String(36), key=True)
    project_id: str = column(String(64))
    weight: int = column(Integer, default=1)


@dataclass
class Job:
    db: Transaction


async def usage(db: Reader, project_id: str) -> Mapping[str, int]:
    rows = await db.all(Toy, Toy.c.project_id == project_id)
    return {"toys": len(rows), "weight": sum(row.weight for row in rows)}


@pytest.fixture
def quota() -> Quota:
    settings = QuotaSettings(limits={"play": {"weight": 5}})
    return Quota([Limits("play", {"toys": 3, "weight": 9, "colours": -1}, usage)], settings)


async def make(database: Database, quota: Quota, name: str, project: str = "p", **wanted: int) -> None:
    async with database.begin() as tx:
        await quota.claim(cast("Work", Job(tx)), "play", project, wanted)
        await tx.insert(Toy(id=name, project_id=project, weight=wanted.get("weight", 0)))


async def test_a_claim_passes_up_to_the_limit_and_no_further(database: Database, quota: Quota) -> None:
    assert Toy.table in METADATA.tables.values()
    for name in "abc":
        await make(database, quota, name, toys=1)
    with pytest.raises(OverQuota, match="Quota exceeded for toys: Requested 1, but already used 3 of 3 toys"):
        await make(database, quota, "d", toys=1)
    await make(database, quota, "e", "other", toys=1)


async def test_the_error_names_each_resource_that_would_be_passed(database: Database, quota: Quota) -> None:
    await make(database, quota, "a", toys=1, weight=4)
    with pytest.raises(OverQuota) as caught:
        await make(database, quota, "b", toys=3, weight=2, colours=1000)
    fields: dict[str, Any] = caught.value.fields
    assert fields["overs"] == ("toys", "weight")
    assert fields["requested"] == {"toys": 3, "weight": 2}
    assert fields["used"] == {"toys": 1, "weight": 4}
    assert fields["limits"] == {"toys": 3, "weight": 5}


async def test_a_project_may_have_limits_of_its_own(database: Database, quota: Quota) -> None:
    async with database.begin() as tx:
        await quota.set(tx, "play", "p", {"toys": 1})
        await quota.set(tx, "play", "p", {"toys": 0, "weight": -1})
    with pytest.raises(OverQuota):
        await make(database, quota, "a", toys=1)
    await make(database, quota, "b", weight=1000)
    async with database.read() as db:
        assert await quota.standing(db, "play", "p") == {
            "toys": Standing(0, 1),
            "weight": Standing(-1, 1000),
            "colours": Standing(-1, 0),
        }
    async with database.begin() as tx:
        await quota.reset(tx, "play", "p")
        assert await quota.limits(tx, "play", "p") == {"toys": 3, "weight": 5, "colours": -1}


async def test_limits_that_are_set_at_once_are_set_by_all(database: Database, quota: Quota) -> None:
    async def give(toys: int) -> None:
        async with database.begin() as tx:
            await quota.set(tx, "play", "p", {"toys": toys})

    await asyncio.gather(*(give(toys) for toys in range(8)))
    async with database.read() as db:
        assert (await quota.limits(db, "play", "p"))["toys"] in range(8)


async def test_an_unknown_resource_gets_no_limit(database: Database, quota: Quota) -> None:
    with pytest.raises(UnknownResource):
        async with database.begin() as tx:
            await quota.set(tx, "play", "p", {"toys": 1, "cars": 1})
    async with database.read() as db:
        assert (await quota.limits(db, "play", "p"))["toys"] == 3


async def test_giving_back_and_services_without_limits_always_pass(database: Database, quota: Quota) -> None:
    await make(database, quota, "a", toys=-5)
    async with database.begin() as tx:
        await quota.claim(cast("Work", Job(tx)), "unknown", "p", {"toys": 1000})
    async with database.read() as db:
        assert await quota.standing(db, "unknown", "p") == {}


async def test_only_one_of_two_at_once_gets_the_last_place(database: Database, quota: Quota) -> None:
    await make(database, quota, "a", toys=1)
    await make(database, quota, "b", toys=1)
    both = await asyncio.gather(
        make(database, quota, "c", toys=1), make(database, quota, "d", toys=1), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in both) == ["NoneType", "OverQuota"]
