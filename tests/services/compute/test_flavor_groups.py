"""Groups of resources that a flavor asks for: each is served by one provider of a host's tree."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.compute.promised import PLACEMENT, PromisingCloud
from tests.services.compute.test_explaining import PATH
from tests.services.compute.test_promises import act, running

from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Database
from cumulo.services.compute.domain.flavors import ensure_defaults

GPU = "CUSTOM_GPU"
TWO = {"resources1:CUSTOM_GPU": "1", "trait1:CUSTOM_FAST": "required", "resources2:CUSTOM_GPU": "1"}


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[PromisingCloud]:
    async with database.begin() as db:
        await ensure_defaults(db)
    async with PromisingCloud(database, Keyring(tmp_path / "keys")) as made:
        await made.has("h1", "h2")
        await made.ask("PUT", f"{PLACEMENT}/resource_classes/{GPU}", status=201)
        await made.ask("PUT", f"{PLACEMENT}/traits/CUSTOM_FAST", status=201)
        yield made


async def card(cloud: PromisingCloud, host: str, name: str, *, gpus: int = 1, fast: bool = False) -> None:
    """Put a provider of GPUs below a host's, as an operator does."""
    providers = (await cloud.ask("GET", f"{PLACEMENT}/resource_providers?name={host}"))["resource_providers"]
    body = {"name": f"{host}_{name}", "parent_provider_uuid": providers[0]["uuid"]}
    made = await cloud.ask("POST", f"{PLACEMENT}/resource_providers", body)
    here = f"{PLACEMENT}/resource_providers/{made['uuid']}"
    inventories = {"resource_provider_generation": 0, "inventories": {GPU: {"total": gpus}}}
    generation = (await cloud.ask("PUT", f"{here}/inventories", inventories))["resource_provider_generation"]
    if fast:
        traits = {"resource_provider_generation": generation, "traits": ["CUSTOM_FAST"]}
        await cloud.ask("PUT", f"{here}/traits", traits)


async def flavor(cloud: PromisingCloud, **more: str) -> None:
    """Have the flavor that servers are made from ask for two groups."""
    await cloud.ask("POST", "/compute/v2.1/flavors/c1/os-extra_specs", {"extra_specs": {**TWO, **more}})


def gpus(held: dict[str, Any]) -> dict[str, int]:
    return {name: has[GPU] for name, has in held.items() if GPU in has}


async def test_groups_are_served_below_the_host_and_given_back(cloud: PromisingCloud):
    await card(cloud, "h2", "a", gpus=2, fast=True)
    await flavor(cloud, group_policy="none")
    server_id = await running(cloud)
    assert (await cloud.server(server_id)).host == "h2"
    assert gpus(await cloud.held(server_id)) == {"h2_a": 2}
    await running(cloud, status="ERROR")
    await cloud.client("member:p1").delete(f"/compute/v2.1/servers/{server_id}")
    await cloud.settle()
    assert await cloud.held(server_id) == {}
    await running(cloud)


async def test_isolated_groups_are_served_by_different_providers(cloud: PromisingCloud):
    await card(cloud, "h1", "a", gpus=2, fast=True)
    await flavor(cloud, group_policy="isolate")
    failed = await running(cloud, status="ERROR")
    assert await cloud.held(failed) == {}
    await card(cloud, "h2", "a", gpus=2)
    await card(cloud, "h2", "b", gpus=1, fast=True)
    assert gpus(await cloud.held(await running(cloud))) == {"h2_a": 1, "h2_b": 1}


async def test_a_move_carries_the_groups(cloud: PromisingCloud):
    for host in ("h1", "h2"):
        await card(cloud, host, "a", fast=True)
        await card(cloud, host, "b")
    await flavor(cloud, group_policy="isolate")
    server_id = await running(cloud)
    before = (await cloud.server(server_id)).host
    await act(cloud, server_id, migrate=None)
    confirmed = {"confirmResize": None}
    await cloud.ask("POST", f"/compute/v2.1/servers/{server_id}/action", confirmed, status=204)
    await cloud.settle()
    after = (await cloud.server(server_id)).host
    assert {before, after} == {"h1", "h2"}
    assert gpus(await cloud.held(server_id)) == {f"{after}_a": 1, f"{after}_b": 1}


async def test_the_scheduler_explains_the_groups(cloud: PromisingCloud):
    await flavor(cloud, group_policy="isolate")
    found = (await cloud.ask("POST", PATH, {"server": {"flavor": "c1"}}))["schedule"]
    assert [(one["name"], one["resources"], one["apart"]) for one in found["groups"]] == [
        ("1", {GPU: 1}, True),
        ("2", {GPU: 1}, True),
    ]
    assert found["groups"][0]["required"] == ["CUSTOM_FAST"]
    reason = {host["host"]: host["reason"] for host in found["hosts"]}["h1"]
    assert reason == f"h1 cannot promise 1 {GPU} (CUSTOM_FAST)"
