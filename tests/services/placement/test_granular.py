"""Demands beside a consumer's own size, and the trees below hosts that serve them."""

from collections.abc import AsyncIterator

import pytest
from tests.services.placement.test_races import Work, meanwhile

from cumulo.contracts.placement import Child, Demand, Inventory
from cumulo.core.db import Database, Transaction
from cumulo.core.errors import Conflict
from cumulo.core.tasks import StepRun, Tasks
from cumulo.services.placement.adapter import PlacementAdapter
from cumulo.services.placement.model import Allocation, Provider, Serving

ROOT = "11111111-1111-4111-8111-111111111111"
SERVER, OTHER = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
MARK, WHO = "agent", {"project_id": "p", "user_id": "u"}
IN, OUT, PACKETS = (
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
)

placement = PlacementAdapter()


def bridge(name: str, trait: str, rate: int = 1000) -> Child:
    rates = {IN: Inventory(total=rate, max_unit=rate), OUT: Inventory(total=rate, max_unit=rate)}
    return Child(name=f"one:agent:{name}", parent="one:agent", inventories=rates, traits=frozenset({trait}))


TREE = [
    Child(name="one:agent", inventories={PACKETS: Inventory(total=10)}),
    bridge("br-a", "CUSTOM_A"),
    bridge("br-b", "CUSTOM_B"),
    bridge("br-c", "CUSTOM_B"),
]


@pytest.fixture
async def tasks(database: Database) -> AsyncIterator[Tasks]:
    tasks = Tasks(database)
    async with tasks.work() as work:
        await placement.ensure_provider(work, ROOT, "one", {"VCPU": Inventory(total=4)})
        await placement.keep_below(work.db, "one", MARK, TREE)
    yield tasks
    await tasks.stop()


def demand(id_: str, trait: str = "CUSTOM_B", subtree: str = "", **resources: int) -> Demand:
    return Demand(id=id_, resources=resources, required=frozenset({trait}), subtree=subtree)


async def claim(tasks: Tasks, *demands: Demand, consumer: str = SERVER) -> None:
    async with tasks.work() as work:
        await placement.claim(work, consumer, ROOT, {"VCPU": 1}, demands=demands, **WHO)


async def held(tasks: Tasks, consumer: str = SERVER) -> dict[str, dict[str, int]]:
    """Return what a consumer has, by providers' names."""
    found: dict[str, dict[str, int]] = {}
    async with tasks.database.read() as db:
        names = {row.id: row.name for row in await db.all(Provider)}
        for row in await db.all(Allocation, Allocation.c.consumer_id == consumer):
            found.setdefault(names[row.provider_id], {})[row.resource] = row.used
    return found


async def test_each_demand_is_served_by_one_provider_that_is_as_required(tasks: Tasks) -> None:
    await claim(
        tasks, demand("d1", **{IN: 600}), demand("d2", **{IN: 600}), demand("d3", "CUSTOM_A", **{OUT: 5})
    )
    assert await held(tasks) == {
        "one": {"VCPU": 1},
        "one:agent:br-a": {OUT: 5},
        "one:agent:br-b": {IN: 600},
        "one:agent:br-c": {IN: 600},
    }
    async with tasks.database.read() as db:
        assert (await placement.served(db, SERVER)).keys() == {"d1", "d2", "d3"}
        found, refused = await placement.candidates(db, {"VCPU": 1}, demands=[demand("d", **{IN: 401})])
    assert found == []
    assert "cannot promise 401 kbit/s inward (CUSTOM_B)" in {
        one.reason for one in refused if one.name == "one"
    }
    with pytest.raises(Conflict, match="cannot promise 401"):
        await claim(tasks, demand("d", **{IN: 401}), consumer=OTHER)
    assert await held(tasks, OTHER) == {}


async def test_who_claims_at_the_same_time_is_served_by_what_is_left(tasks: Tasks) -> None:
    def claiming(consumer: str) -> Work:
        async def claim(db: Transaction) -> None:
            work = StepRun(db, tasks, "r", None, {})
            await placement.claim(
                work, consumer, ROOT, {"VCPU": 1}, demands=[demand("d", **{IN: 600})], **WHO
            )

        return claim

    assert await meanwhile(tasks.database, claiming(SERVER), claiming(OTHER)) == (None, None)
    assert {*await held(tasks), *await held(tasks, OTHER)} == {"one", "one:agent:br-b", "one:agent:br-c"}


async def test_demands_that_fit_one_by_one_may_not_fit_at_once(tasks: Tasks) -> None:
    both = [demand("d1", "CUSTOM_A", **{IN: 600}), demand("d2", "CUSTOM_A", **{IN: 600})]
    with pytest.raises(Conflict, match="cannot promise 600 kbit/s inward and 600 kbit/s inward at once"):
        await claim(tasks, *both)


async def test_demands_of_one_subtree_are_served_below_one_another(tasks: Tasks) -> None:
    packets = Demand(id="p", resources={PACKETS: 3}, subtree="x")
    await claim(tasks, packets, demand("d", subtree="x", **{IN: 5}))
    assert (await held(tasks))["one:agent"] == {PACKETS: 3}
    apart = [demand("d1", "CUSTOM_A", "x", **{IN: 5}), demand("d2", "CUSTOM_B", "x", **{IN: 5})]
    with pytest.raises(Conflict):
        await claim(tasks, *apart, consumer=OTHER)


async def test_demands_that_are_apart_are_served_by_different_providers(tasks: Tasks) -> None:
    def apart(id_: str, trait: str) -> Demand:
        return Demand(id=id_, resources={IN: 100}, required=frozenset({trait}), apart=True)

    await claim(tasks, apart("1", "CUSTOM_B"), apart("2", "CUSTOM_B"))
    assert await held(tasks) == {
        "one": {"VCPU": 1},
        "one:agent:br-b": {IN: 100},
        "one:agent:br-c": {IN: 100},
    }
    with pytest.raises(Conflict, match="at once by different providers"):
        await claim(tasks, apart("1", "CUSTOM_A"), demand("2", "CUSTOM_A", **{IN: 100}), consumer=OTHER)


async def test_a_fixed_demand_goes_with_its_claim_and_nobody_is_told_of_it(tasks: Tasks) -> None:
    await claim(tasks, Demand(id="1", resources={IN: 5}, fixed=True), demand("d", **{IN: 5}))
    async with tasks.work() as work:
        assert (await placement.served(work.db, SERVER)).keys() == {"d"}
        await placement.transfer(work, SERVER, OTHER)
        await placement.adjust(work, OTHER, {"1": {}, "d": {}})
    assert await held(tasks, OTHER) == {"one": {"VCPU": 1}, "one:agent:br-a": {IN: 5}}


async def test_a_demand_is_not_served_by_what_has_a_forbidden_trait(tasks: Tasks) -> None:
    await claim(tasks, Demand(id="1", resources={IN: 5}, forbidden=frozenset({"CUSTOM_B"})))
    assert (await held(tasks))["one:agent:br-a"] == {IN: 5}
    with pytest.raises(Conflict, match=r"cannot promise 1001 kbit/s inward \(not CUSTOM_B\)"):
        await claim(tasks, Demand(id="1", resources={IN: 1001}, forbidden=frozenset({"CUSTOM_B"})))


async def test_the_root_serves_a_demand_beside_what_is_taken_of_itself(tasks: Tasks) -> None:
    await claim(tasks, Demand(id="1", resources={"VCPU": 3}))
    assert await held(tasks) == {"one": {"VCPU": 4}}
    async with tasks.work() as work:
        await placement.release(work, SERVER)
        wanted = [Demand(id="1", resources={"VCPU": 3})]
        found, refused = await placement.candidates(work.db, {"VCPU": 2}, demands=wanted)
    assert found == []
    assert {one.reason for one in refused if one.name == "one"} == {"cannot promise 3 vCPUs"}


async def test_a_claim_goes_with_what_serves_it(tasks: Tasks) -> None:
    await claim(tasks, demand("d", **{IN: 5}))
    async with tasks.work() as work:
        await placement.transfer(work, SERVER, OTHER)
        assert await placement.served(work.db, SERVER) == {}
        assert (await placement.served(work.db, OTHER)).keys() == {"d"}
        await placement.release(work, OTHER)
        assert not await work.db.exists(Serving)
    await claim(tasks, demand("d", **{IN: 5}))
    await claim(tasks, demand("e", **{IN: 7}))  # in place of the first
    async with tasks.database.read() as db:
        assert (await placement.served(db, SERVER)).keys() == {"e"}


async def test_a_demand_that_is_served_can_change_and_end(tasks: Tasks) -> None:
    await claim(tasks, demand("d", **{IN: 500}))
    async with tasks.work() as work:
        await placement.adjust(work, SERVER, {"d": {IN: 900, OUT: 1}, "unknown": {IN: 1}})
    assert (await held(tasks))["one:agent:br-b"] == {IN: 900, OUT: 1}
    with pytest.raises(Conflict, match=r"one:agent:br-b lacks 1001 kbit/s inward \(1000 of 1000 free\)"):
        async with tasks.work() as work:
            await placement.adjust(work, SERVER, {"d": {IN: 1001}})
    async with tasks.work() as work:
        await placement.adjust(work, SERVER, {"d": {}})
        await placement.adjust(work, SERVER, {"d": {IN: 1}})  # it has ended
    assert await held(tasks) == {"one": {"VCPU": 1}}


async def test_a_consumer_gets_more_on_its_host(tasks: Tasks) -> None:
    await claim(tasks)
    async with tasks.work() as work:
        await placement.extend(work, SERVER, "one", [demand("d", **{IN: 5})])
    assert (await held(tasks))["one:agent:br-b"] == {IN: 5}
    for consumer, host, rate in ((SERVER, "one", 5000), (SERVER, "two", 5), (OTHER, "one", 5)):
        with pytest.raises(Conflict):
            async with tasks.work() as work:
                await placement.extend(work, consumer, host, [demand("e", **{IN: rate})])


async def test_a_tree_is_kept_as_it_is_told(tasks: Tasks) -> None:
    async with tasks.work() as work:
        assert await placement.below(work.db, MARK) == {"one": {child.name: child for child in TREE}}
        await placement.keep_below(work.db, "nowhere", MARK, TREE)
        less = [TREE[0], bridge("br-a", "CUSTOM_C", 7)]
        await placement.keep_below(work.db, "one", MARK, less)
        assert await placement.below(work.db, MARK) == {"one": {child.name: child for child in less}}
    await claim(tasks, demand("d", "CUSTOM_C", **{IN: 5}))
    async with tasks.work() as work:
        await placement.keep_below(work.db, "one", MARK, [])
        left = (await placement.below(work.db, MARK))["one"]
        assert {child.name: child.inventories for child in left.values()} == {
            "one:agent": {},
            "one:agent:br-a": {},
        }
        with pytest.raises(Conflict):
            await placement.remove_provider(work, ROOT)
    async with tasks.work() as work:
        await placement.release(work, SERVER)
        await placement.remove_provider(work, ROOT)
        assert not await work.db.exists(Provider)


async def test_a_host_that_is_called_otherwise_has_no_second_tree(tasks: Tasks) -> None:
    renamed = Child(name="uno:agent", inventories={PACKETS: Inventory(total=10)})
    async with tasks.work() as work:
        await placement.ensure_provider(work, ROOT, "uno", {"VCPU": Inventory(total=4)})
        await placement.keep_below(work.db, "uno", MARK, [renamed])
        assert await placement.below(work.db, MARK) == {"uno": {"uno:agent": renamed}}
