"""Sagas that claim, carry or give back what a server's port is promised survive everything."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.services.compute.promised import PromisingCloud, World, promised
from tests.services.compute.test_moves import LARGER, MOVE
from tests.services.compute.test_tasks import ACTION, SERVER

from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Database
from cumulo.core.tasks import Saga
from cumulo.services.compute.domain.flavors import ensure_defaults
from cumulo.services.compute.model import ComputeHost, VmState
from cumulo.services.compute.tasks import (
    AttachInterface,
    Card,
    ConfirmResize,
    CreateServer,
    DeleteServer,
    DetachInterface,
    EvacuateServer,
    LiveMigrateServer,
    OffloadServer,
    ResizeServer,
    RevertResize,
    ShelveServer,
    UnshelveServer,
)
from cumulo.testing.saga import check_saga

Check = Callable[[bool], Awaitable[None]]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with database.begin() as db:
        await ensure_defaults(db)
    async with PromisingCloud(database, Keyring(tmp_path / "keys")) as cloud:
        await cloud.has("h1", "h2")
        yield World(cloud)


async def prove(world: World, saga: Callable[[], Saga], prepare: Callable[[], Awaitable[None]], clean: Check):
    await check_saga(world.tasks, saga, prepare, clean)


async def only(world: World, host: str) -> None:
    """Have the scheduler take this host alone."""
    async with world.cloud.database.begin() as db:
        await db.update(ComputeHost, ComputeHost.c.host != host, disabled=True)
        await db.update(ComputeHost, ComputeHost.c.host == host, disabled=False)


def moves(world: World, kind: str) -> Callable[[], Awaitable[None]]:
    async def prepare() -> None:
        await only(world, "h1")
        await world.migrating(MOVE, kind)
        await only(world, "h2")

    return prepare


def resizing() -> ResizeServer:
    facts = {"flavor_id": "c2", "flavor": LARGER, "elsewhere": True}
    return ResizeServer(server_id=SERVER, migration_id=MOVE, action_id=ACTION, **facts)


async def test_what_a_creation_claims_goes_with_it(world: World):
    await only(world, "h1")

    async def clean(succeeded: bool) -> None:
        await (world.is_kept_at("h1") if succeeded else world.is_given_back())

    def saga() -> CreateServer:
        return CreateServer(server_id=SERVER, action_id=ACTION)

    await prove(world, saga, world.new, clean)


async def test_a_deletion_gives_back_what_was_promised(world: World):
    await only(world, "h1")

    async def clean(succeeded: bool) -> None:
        if succeeded:
            await world.is_given_back()

    def saga() -> DeleteServer:
        return DeleteServer(server_id=SERVER, action_id=ACTION)

    await prove(world, saga, world.running, clean)


async def test_a_resize_to_another_host_carries_the_promise_or_leaves_it(world: World):
    async def clean(succeeded: bool) -> None:
        await world.is_kept_at("h2" if succeeded else "h1")
        aside = promised(await world.cloud.held(MOVE))
        assert bool(aside) == succeeded  # the old host keeps it until the move is confirmed

    await prove(world, resizing, moves(world, "resize"), clean)


async def test_a_confirmation_gives_back_what_the_old_host_kept(world: World):
    begin = moves(world, "resize")

    async def prepare() -> None:
        await begin()
        await world.through(resizing())

    async def clean(succeeded: bool) -> None:
        await world.is_kept_at("h2")
        assert bool(await world.cloud.held(MOVE)) != succeeded

    def saga() -> ConfirmResize:
        return ConfirmResize(server_id=SERVER, migration_id=MOVE, action_id=ACTION)

    await prove(world, saga, prepare, clean)


async def test_a_reversion_has_the_old_host_keep_it_again(world: World):
    begin = moves(world, "resize")

    async def prepare() -> None:
        await begin()
        await world.through(resizing())

    async def clean(succeeded: bool) -> None:
        if succeeded:
            await world.is_kept_at("h1")
            assert await world.cloud.held(MOVE) == {}

    def saga() -> RevertResize:
        return RevertResize(server_id=SERVER, migration_id=MOVE, action_id=ACTION)

    await prove(world, saga, prepare, clean)


async def test_a_live_migration_carries_the_promise_or_leaves_it(world: World):
    async def clean(succeeded: bool) -> None:
        await world.is_kept_at("h2" if succeeded else "h1")
        assert await world.cloud.held(MOVE) == {}

    def saga() -> LiveMigrateServer:
        return LiveMigrateServer(server_id=SERVER, migration_id=MOVE, action_id=ACTION)

    await prove(world, saga, moves(world, "live-migration"), clean)


async def test_an_evacuation_has_the_new_host_keep_it(world: World):
    begin = moves(world, "evacuation")

    async def prepare() -> None:
        async with world.cloud.database.begin() as db:
            await db.update(ComputeHost, forced_down=False)
        await begin()
        async with world.cloud.database.begin() as db:
            await db.update(ComputeHost, ComputeHost.c.host == "h1", forced_down=True)

    async def clean(succeeded: bool) -> None:
        await world.is_kept_at("h2" if succeeded else "h1")
        assert await world.cloud.held(MOVE) == {}

    def saga() -> EvacuateServer:
        return EvacuateServer(server_id=SERVER, migration_id=MOVE, action_id=ACTION, runs=True)

    await prove(world, saga, prepare, clean)


def shelving() -> ShelveServer:
    return ShelveServer(server_id=SERVER, action_id=ACTION, offload=False)


async def test_a_server_that_leaves_its_host_for_the_shelf_gives_it_back(world: World):
    await only(world, "h1")

    async def prepare() -> None:
        await world.running()
        await world.through(shelving())

    async def clean(succeeded: bool) -> None:
        await (world.is_given_back() if succeeded else world.is_kept_at("h1"))

    def saga() -> OffloadServer:
        return OffloadServer(server_id=SERVER, action_id=ACTION)

    await prove(world, saga, prepare, clean)


async def test_a_server_that_comes_off_the_shelf_claims_it_anew(world: World):
    async def prepare() -> None:
        await only(world, "h1")
        await world.running()
        await world.through(shelving())
        await world.through(OffloadServer(server_id=SERVER, action_id=ACTION))
        assert (await world.cloud.server(SERVER)).vm_state is VmState.SHELVED_OFFLOADED
        await only(world, "h2")

    async def clean(succeeded: bool) -> None:
        await (world.is_kept_at("h2") if succeeded else world.is_given_back())

    def saga() -> UnshelveServer:
        return UnshelveServer(server_id=SERVER, action_id=ACTION, offloaded=True)

    await prove(world, saga, prepare, clean)


def card(world: World) -> Card:
    return Card(port_id=world.port_id, mac="fa:16:3e:00:00:01", mtu=1500)


async def test_a_port_that_cannot_be_plugged_in_gives_back_what_was_claimed(world: World):
    await only(world, "h1")

    async def clean(succeeded: bool) -> None:
        if succeeded:
            await world.is_kept_at("h1")
        else:
            assert promised(await world.cloud.held()) == {}
            assert (await world.cloud.shown(world.port_id))["binding:profile"] == {}

    def saga() -> AttachInterface:
        facts = {"card": card(world), "port_id": world.port_id}
        return AttachInterface(server_id=SERVER, action_id=ACTION, **facts)

    await prove(world, saga, world.running, clean)


async def test_a_port_that_is_unplugged_gives_back_what_was_claimed(world: World):
    await only(world, "h1")

    async def clean(succeeded: bool) -> None:
        if not succeeded:
            await world.is_kept_at("h1")
        else:
            assert promised(await world.cloud.held()) == {}
            assert "VCPU" in (await world.cloud.held())["h1"]

    def saga() -> DetachInterface:
        facts = {"card": card(world), "port_id": world.port_id}
        return DetachInterface(server_id=SERVER, action_id=ACTION, **facts)

    await prove(world, saga, world.running, clean)
