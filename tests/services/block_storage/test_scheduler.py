"""Which pool takes a volume, and why another does not."""

import asyncio
from datetime import timedelta

import pytest
from tests.services.block_storage.fakes import (
    OTHER_HOST,
    OTHER_POOL,
    POOL,
    StorageCloud,
    make_volume,
)

from cumulo.core import clock
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.model import Pool, StorageService
from cumulo.services.block_storage.scheduler import Offer, Wanted, matches, refusal, sentence, weigh


def pool(**changes) -> Pool:
    facts = {
        "name": POOL,
        "service": "node1@local",
        "host": "node1",
        "backend": "local",
        "driver": "fake",
        "protocol": "nbd",
        "total_gib": 100.0,
        "free_gib": 50.0,
        "max_over_subscription_ratio": 2.0,
    }
    return Pool(**{**facts, **changes})


def offer(promised: float = 0.0, *, service=None, **changes) -> Offer:
    # Parameters are made when tests are collected: they must not grow silent before their turn comes.
    facts = {"seen_at": clock.now() + timedelta(days=1), **(service or {})}
    backend = StorageService(binary="cinder-volume", host="node1@local", zone="nova", **facts)
    return Offer(pool(**changes), backend, promised, BlockStorageSettings())


def wanted(size: int = 1, **changes) -> Wanted:
    return Wanted(**{"size": size, "zone": "nova", **changes})


@pytest.mark.parametrize(
    ("given", "asked", "reason"),
    [
        (offer(), wanted(), None),
        (offer(promised=199.0), wanted(), None),
        (offer(promised=200.0), wanted(), "has promised 200 of at most 200 GiB"),
        (offer(allocated_gib=200.0), wanted(), "has promised 200"),
        (offer(free_gib=1.0), wanted(3), "GiB free for a thin volume of 3"),
        (offer(thin=False, thick=True), wanted(51), "has 50 GiB free, 51 are needed"),
        (offer(thin=False, thick=True, reserved_percentage=10), wanted(41), "has 40 GiB free"),
        (offer(), wanted(specs={"provisioning:type": "thick"}), "has no thick volumes"),
        (offer(), wanted(zone="elsewhere"), "is in zone nova, not elsewhere"),
        (offer(), wanted(specs={"RESKEY:availability_zones": "a, b"}), "not in a, b"),
        (offer(), wanted(specs={"volume_backend_name": "x"}), "has volume_backend_name local, not x"),
        (offer(), wanted(specs={"capabilities:driver": "rbd"}), "has driver fake, not rbd"),
        (offer(), wanted(specs={"local:fast": "yes"}), None),
        (offer(multiattach=False), wanted(multiattach=True), "several servers"),
        (offer(), wanted(other_than=POOL), "is where it is now"),
        (offer(), wanted(beside=frozenset({"x"})), "does not hold"),
        (offer(), wanted(away_from=frozenset({POOL})), "to be apart from"),
        (offer(service={"disabled": True, "disabled_reason": "dust"}), wanted(), "is disabled (dust)"),
        (offer(service={"frozen": True}), wanted(), "is frozen"),
        (offer(service={"seen_at": clock.now() - timedelta(hours=1)}), wanted(), "is down"),
    ],
)
def test_a_pool_is_refused_with_the_reason(given, asked, reason):
    found = refusal(asked, given)
    assert found is None if reason is None else reason in (found or "")


@pytest.mark.parametrize(
    ("has", "asked", "fits"),
    [
        (True, "<is> True", True),
        (True, "<is> false", False),
        (True, "True", True),
        ("nbd", "<or> rbd <or> nbd", True),
        ("nbd", "<or> rbd <or> iscsi", False),
        ("a nbd b", "<in> nbd", True),
        (10.0, ">= 9", True),
        (10.0, "<= 9", False),
        ("x", ">= 9", False),
        ("b", "s>= a", True),
        ("nbd", "nbd", True),
        (None, "nbd", False),
    ],
)
def test_a_capability_satisfies_a_spec(has, asked, fits):
    assert matches(has, asked) is fits


def test_the_emptier_pool_is_better():
    assert weigh(offer(free_gib=90.0)) > weigh(offer(free_gib=10.0))
    assert weigh(offer(promised=10.0)) > weigh(offer(promised=90.0))


def test_the_sentence_names_some_of_many_pools():
    assert "no backend has reported yet" in sentence(wanted(), [])
    assert "there is no backend x" in sentence(wanted(host="x"), [(POOL, "is not x")])
    many = [(f"p{number}", "is down") for number in range(7)]
    assert "2 more pools cannot either" in sentence(wanted(), many)


async def test_hints_put_a_volume_beside_or_apart_from_others(cloud: StorageCloud):
    await cloud.report()
    first = await make_volume(cloud, cloud.admin("p1"))
    here = first["os-vol-host-attr:host"]
    for hint, expected in (("same_host", True), ("different_host", False)):
        body = {"volume": {"size": 1}, "OS-SCH-HNT:scheduler_hints": {hint: [first["id"]]}}
        made = await cloud.admin("p1").post("/volume/v3/volumes", json=body)
        await cloud.settle()
        shown = await cloud.admin().get(f"/volume/v3/volumes/{made.json()['volume']['id']}")
        assert (shown.json()["volume"]["os-vol-host-attr:host"] == here) is expected
    assert {POOL, OTHER_POOL} >= {here}
    assert cloud.pools[OTHER_HOST].volumes


async def test_what_is_being_copied_is_neither_deleted_nor_moved(cloud: StorageCloud):
    volume = await make_volume(cloud)
    await cloud.report()
    member, path = cloud.member("p1"), f"/volume/v3/volumes/{volume['id']}"
    cloud.pool.waiting["clone"] = asyncio.Event()
    body = {"volume": {"size": 1, "source_volid": volume["id"]}}
    copy = (await member.post("/volume/v3/volumes", json=body)).json()["volume"]
    refused = await member.delete(path)
    assert "is being copied" in refused.json()["badRequest"]["message"]
    move = {"os-migrate_volume": {"host": OTHER_POOL}}
    assert (await cloud.admin().post(f"{path}/action", json=move)).status_code == 400
    cloud.pool.waiting["clone"].set()
    await cloud.settle()
    assert (await member.get(f"/volume/v3/volumes/{copy['id']}")).json()["volume"]["status"] == "available"
    assert (await member.delete(path)).status_code == 202
