"""What is kept of providers between requests is what a fresh look at the database finds."""

import httpx
from tests.services.placement.test_api import C1, C2, P1, P2, claim, provider, version
from tests.services.placement.test_trees import P3, aggregates, below, traits

from cumulo.core.db import Database
from cumulo.services.placement.model import Provider
from cumulo.services.placement.surveying import Surveyor
from cumulo.services.placement.trees import Landscape
from cumulo.testing.cloud import Cloud


async def looked(cloud: Cloud, database: Database) -> Landscape:
    """Return the kept landscape after it was held against a fresh one."""
    async with database.read() as db:
        kept: Landscape = await cloud.bindings[Surveyor].survey(db)
        fresh = await Surveyor().survey(db)
    assert list(kept.providers) == list(fresh.providers)
    assert (kept.providers, kept.rooms) == (fresh.providers, fresh.rooms)
    assert (kept.traits, kept.aggregates) == (fresh.traits, fresh.aggregates)
    return kept


async def test_every_change_is_seen(cloud: Cloud, database: Database, api: httpx.AsyncClient) -> None:
    await provider(api, P1, VCPU={"total": 8})
    await provider(api, P2, VCPU={"total": 8})
    assert len((await looked(cloud, database)).providers) == 2
    for consumer, where in ((C1, P1), (C2, P2)):
        answer = await api.put(f"/allocations/{consumer}", json=claim(where, VCPU=3))
        assert answer.status_code == 204
        assert (await looked(cloud, database)).rooms[where]["VCPU"].used == 3
    assert (await api.delete(f"/allocations/{C1}")).status_code == 204
    assert (await looked(cloud, database)).rooms[P1]["VCPU"].used == 0
    await traits(api, P1, "HW_CPU_X86_AVX2")
    await aggregates(api, P2, C1)
    await looked(cloud, database)
    bare = await api.put(f"/resource_providers/{P2}/aggregates", json=[C2], headers=version("1.18"))
    assert bare.status_code == 200  # it changes no generation
    assert (await looked(cloud, database)).aggregates[P2] == {C2}
    await below(api, P3, P1, MEMORY_MB={"total": 64})
    land = await looked(cloud, database)
    assert land.traits[P1] == {"HW_CPU_X86_AVX2"}
    assert land.providers[P3].root_id == P1
    await api.put(f"/resource_providers/{P2}", json={"name": "another"})
    assert (await api.delete(f"/resource_providers/{P3}")).status_code == 204
    assert P3 not in (await looked(cloud, database)).rooms


async def test_a_renamed_class_is_seen(cloud: Cloud, database: Database, api: httpx.AsyncClient) -> None:
    await api.put("/resource_classes/CUSTOM_OLD")
    await provider(api, P1, CUSTOM_OLD={"total": 8})
    await looked(cloud, database)
    body = {"name": "CUSTOM_NEW"}
    answer = await api.put("/resource_classes/CUSTOM_OLD", json=body, headers=version("1.6"))
    assert answer.status_code == 200, answer.text
    assert list((await looked(cloud, database)).rooms[P1]) == ["CUSTOM_NEW"]


async def test_a_provider_may_come_below_another_while_they_are_read() -> None:
    land = Landscape({P1: Provider(id=P1, name="1", parent_id=P2, root_id=P2)}, {}, {}, {})
    assert list(land.ancestors(P1)) == [P1]
