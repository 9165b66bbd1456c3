import asyncio
from collections.abc import AsyncIterator

import pytest

from cumulo.contracts.placement import Inventory
from cumulo.core.db import Database
from cumulo.core.errors import Conflict
from cumulo.core.tasks import Tasks
from cumulo.services.placement.adapter import PlacementAdapter
from cumulo.services.placement.model import Allocation, Consumer, Provider, ProviderTrait

H1, H2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
HOST = {
    "VCPU": Inventory(total=4, max_unit=4, allocation_ratio=2.0),
    "MEMORY_MB": Inventory(total=2304, reserved=256, max_unit=2304),
    "DISK_GB": Inventory(total=50, max_unit=50),
}
SMALL = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 0}

placement = PlacementAdapter()


@pytest.fixture
async def tasks(database: Database) -> AsyncIterator[Tasks]:
    tasks = Tasks(database)
    async with tasks.work() as work:
        await placement.ensure_provider(work, H1, "one", HOST, frozenset({"HW_CPU_X86_AVX"}))
        await placement.ensure_provider(work, H2, "two", HOST, frozenset({"CUSTOM_GOLD"}))
    yield tasks
    await tasks.stop()


async def claim(tasks: Tasks, consumer: str, provider: str, **resources: int) -> None:
    async with tasks.work() as work:
        await placement.claim(work, consumer, provider, resources or SMALL, project_id="p", user_id="u")


async def free(tasks: Tasks, name: str) -> dict[str, int]:
    async with tasks.database.read() as db:
        found, _ = await placement.candidates(db, {})
    return {c.name: dict(c.free) for c in found}[name]


async def test_candidates_tell_what_is_free_and_what_there_is_in_all(tasks: Tasks) -> None:
    await claim(tasks, "c1", H1)
    async with tasks.database.read() as db:
        found, refused = await placement.candidates(db, SMALL)
    assert refused == []
    one, two = found
    assert (one.name, one.provider_id) == ("one", H1)
    assert one.free == {"VCPU": 7, "MEMORY_MB": 1536, "DISK_GB": 50}
    assert one.capacity == two.free == {"VCPU": 8, "MEMORY_MB": 2048, "DISK_GB": 50}
    assert one.traits == {"HW_CPU_X86_AVX"}


async def test_a_refusal_can_be_read(tasks: Tasks) -> None:
    await claim(tasks, "c1", H1, MEMORY_MB=1920)
    async with tasks.database.read() as db:
        found, refused = await placement.candidates(db, {"MEMORY_MB": 512})
        assert [candidate.name for candidate in found] == ["two"]
        assert [(r.name, r.reason) for r in refused] == [
            ("one", "lacks 512 MiB of memory (128 of 2048 free)")
        ]
        _, [both, _] = await placement.candidates(db, {"MEMORY_MB": 512, "VCPU": 9})
        assert both.reason == ("lacks 512 MiB of memory (128 of 2048 free) and lacks 9 vCPUs (8 of 8 free)")
        _, [large, _] = await placement.candidates(db, {"VCPU": 5})
        assert large.reason == "gives no 5 vCPUs to one consumer (at most 4)"
        _, [none, _] = await placement.candidates(db, {"VGPU": 1})
        assert none.reason == "has no virtual GPUs"


async def test_traits_are_required_and_forbidden(tasks: Tasks) -> None:
    async with tasks.database.read() as db:
        found, refused = await placement.candidates(db, SMALL, required=frozenset({"CUSTOM_GOLD"}))
        assert [candidate.name for candidate in found] == ["two"]
        assert refused[0].reason == "lacks the trait CUSTOM_GOLD"
        found, refused = await placement.candidates(db, SMALL, forbidden=frozenset({"CUSTOM_GOLD"}))
        assert [candidate.name for candidate in found] == ["one"]
        assert refused[0].reason == "has the trait CUSTOM_GOLD"


async def test_a_claim_takes_and_a_release_gives_back(tasks: Tasks) -> None:
    await claim(tasks, "c1", H1)
    await claim(tasks, "c1", H1)  # again: the same, not twice
    assert (await free(tasks, "one"))["VCPU"] == 7
    await claim(tasks, "c1", H2, VCPU=2)
    assert (await free(tasks, "one"))["VCPU"] == 8
    assert (await free(tasks, "two"))["VCPU"] == 6
    for _ in range(2):
        async with tasks.work() as work:
            await placement.release(work, "c1")
    assert (await free(tasks, "two"))["VCPU"] == 8
    async with tasks.database.read() as db:
        assert not await db.exists(Allocation)
        assert not await db.exists(Consumer)


async def test_a_claim_without_room_is_a_conflict_and_the_transaction_goes_on(tasks: Tasks) -> None:
    await claim(tasks, "c1", H1, MEMORY_MB=1920)
    async with tasks.work() as work:
        with pytest.raises(Conflict, match=r"one lacks 512 MiB of memory \(128 of 2048 free\)"):
            await placement.claim(work, "c2", H1, SMALL, project_id="p", user_id="u")
        with pytest.raises(Conflict):
            await placement.claim(work, "c2", "absent", SMALL, project_id="p", user_id="u")
        await placement.claim(work, "c2", H2, SMALL, project_id="p", user_id="u")
    assert (await free(tasks, "two"))["VCPU"] == 7


async def test_no_two_claims_take_the_same_room(tasks: Tasks) -> None:
    results = await asyncio.gather(
        *(claim(tasks, f"c{n}", H1, MEMORY_MB=1024) for n in range(6)), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 4
    assert sum(result is None for result in results) == 2
    assert (await free(tasks, "one"))["MEMORY_MB"] == 0


async def test_ensuring_again_changes_what_changed_only(tasks: Tasks) -> None:
    async def generation() -> int:
        async with tasks.database.read() as db:
            provider = await db.get(Provider, H1)
        assert provider is not None
        return provider.generation

    before = await generation()
    async with tasks.work() as work:
        await placement.ensure_provider(work, H1, "one", HOST, frozenset({"HW_CPU_X86_AVX"}))
    assert await generation() == before
    async with tasks.work() as work:
        less = {"VCPU": Inventory(total=2)}
        await placement.ensure_provider(work, H1, "uno", less, frozenset({"CUSTOM_GOLD"}))
    assert await generation() == before + 2
    assert await free(tasks, "uno") == {"VCPU": 2}
    async with tasks.database.read() as db:
        rows = await db.all(ProviderTrait, ProviderTrait.c.provider_id == H1)
    assert [row.trait for row in rows] == ["CUSTOM_GOLD"]


async def test_a_provider_in_use_stays(tasks: Tasks) -> None:
    await claim(tasks, "c1", H1)
    async with tasks.work() as work:
        with pytest.raises(Conflict):
            await placement.remove_provider(work, H1)
        await placement.release(work, "c1")
        await placement.remove_provider(work, H1)
        await placement.remove_provider(work, H1)
    async with tasks.database.read() as db:
        assert [provider.id for provider in await db.all(Provider)] == [H2]
