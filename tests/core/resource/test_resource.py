"""Views, lists and declared operations, over HTTP and one by one."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import pytest
from msgspec import UNSET, UnsetType

from cumulo.core import clock, ids
from cumulo.core.auth import ADMIN, ANYONE, PROJECT_MEMBER_OR_ADMIN, PROJECT_READER_OR_ADMIN, Rule
from cumulo.core.db import Boolean, Integer, Json, Model, String, When, column
from cumulo.core.errors import NotFound
from cumulo.core.http import Ctx, Dialect, Service
from cumulo.core.microversions import Microversions
from cumulo.core.resource import (
    PROJECT,
    Body,
    Computed,
    Filterable,
    Guarded,
    Resource,
    Since,
    Sortable,
    Source,
    Spread,
    Until,
    View,
    VisibleTo,
    Wire,
    document,
)
from cumulo.testing.cloud import Cloud

READ = Rule("garden:read", PROJECT_READER_OR_ADMIN, "See.")
WRITE = Rule("garden:write", PROJECT_MEMBER_OR_ADMIN, "Change.")
SHARE = Rule("garden:share", ADMIN, "Share.")
OPEN = Rule("garden:open", ANYONE, "Anything.")


class Plant(Model, table="garden_plants"):
    """A plant."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64))
    name: str | None = column(String(255), default=None)
    height: int = column(Integer, default=0)
    shared: bool = column(Boolean, default=False)
    extra: dict[str, Any] = column(Json, default_factory=dict)
    sown_at: datetime | None = column(When, default=None)
    updated_at: datetime | None = column(When, default=None)


class PlantView(View, model=Plant):
    """A plant as clients see it."""

    id: Annotated[str, Filterable]
    name: Annotated[str | None, Filterable, Sortable]
    cm: Annotated[int, Source("height"), Filterable, Sortable]
    shared: Annotated[bool, Filterable, Sortable]
    owner: Annotated[str, Wire("garden:owner"), Source("project_id"), VisibleTo(SHARE)]
    sown_at: Annotated[datetime | None, Since("1.2"), Sortable]
    old_name: Annotated[str | None, Source("name"), Until("1.1")]
    neighbours: Annotated[int, Computed(lambda row, page: page.extra[row.project_id])]
    pest: Annotated[str, Computed(lambda row, page: row.extra.get("pest", UNSET), optional=True)]
    rest: Annotated[Any, Spread(lambda row, page: row.extra.get("more", {}))]

    @staticmethod
    async def preload(ctx, rows):
        owners = {row.project_id for row in rows}
        return {owner: await ctx.db.count(Plant, Plant.c.project_id == owner) - 1 for owner in owners}


@PlantView.shim(until="1.3")
def without_units(shape):
    shape["height"] = shape.pop("cm")
    return shape


class PlantCreate(Body):
    """A new plant."""

    name: str | None = None
    cm: int = 0
    shared: Annotated[bool, Guarded(SHARE)] | UnsetType = UNSET
    colour: Annotated[str, Since("1.4")] | UnsetType = UNSET
    extra: dict[str, Any] = {}


class PlantUpdate(Body):
    """A changed plant."""

    name: str | UnsetType | None = UNSET


class NoSuchPlant(NotFound):
    """No plant {id} here."""


plants = Resource("plant", "/plants", model=Plant, view=PlantView, scope=PROJECT, missing=NoSuchPlant)
plants.list(policy=READ, detail=OPEN)
plants.show(policy=READ)
plants.update(PlantUpdate, policy=WRITE)
plants.delete(policy=WRITE, plain=True)


@plants.create(policy=WRITE)
async def create(ctx: Ctx, body: PlantCreate) -> Plant:
    """Sow."""
    project_id = ctx.identity.project_id or ""
    plant = Plant(
        project_id=project_id, name=body.name, height=body.cm, extra=body.extra, sown_at=clock.now()
    )
    await ctx.db.insert(plant)
    return plant


@plants.filter("min")
def at_least(ctx: Ctx, value: str) -> Any:
    """Only those at least so high."""
    del ctx
    return Plant.c.height >= int(value)


@plants.member("GET", "/height", policy=READ)
async def height(ctx: Ctx, plant: Plant) -> dict[str, int]:
    """Measure it."""
    del ctx
    return {"height": plant.height}


@plants.member("POST", "/height", policy=WRITE)
async def grow(ctx: Ctx, plant: Plant) -> dict[str, int]:
    """Have it a centimetre higher than it is."""
    plant.height += 1
    await ctx.db.save(plant, "height")
    return {"height": plant.height}


class SowingView(View, model=Plant):
    """Of a plant what its row has: lists read no more."""

    id: str
    sown_at: Annotated[datetime | None, Sortable]
    updated_at: datetime | None


sowings = Resource("sowing", "/sowings", model=Plant, view=SowingView, scope=PROJECT, missing=NoSuchPlant)
sowings.list(policy=READ)
sowings.show(policy=READ)

SERVICE = Service(
    name="garden",
    types=("garden",),
    dialect=Dialect(
        path="/garden",
        version_path="/v1",
        bulk_create=True,
        page_limit=50,
        fields_parameter="fields",
        filter_suffixes=True,
        microversions=Microversions("garden", "1.1", "1.5"),
    ),
    parts=(plants, sowings),
    rules=(READ, WRITE, SHARE, OPEN),
)
NEWEST = {"OpenStack-API-Version": "garden latest"}


@pytest.fixture
async def cloud(database):
    await database.create_all()
    async with Cloud([SERVICE], database) as running:
        yield running


async def sow(client, **plant):
    answer = await client.post("/garden/v1/plants", json={"plant": plant}, headers=NEWEST)
    assert answer.status_code == 201, answer.text
    return answer.json()["plant"]


async def names(client, query):
    answer = await client.get(f"/garden/v1/plants?{query}")
    assert answer.status_code == 200, answer.text
    return [plant["name"] for plant in answer.json()["plants"]]


async def test_fields_follow_version_and_visibility(cloud):
    member = cloud.member("p1")
    newest = await sow(member, name="rose", cm=3)
    assert newest["cm"] == 3
    assert newest["sown_at"].endswith("Z")
    assert newest["neighbours"] == 0
    assert not newest.keys() & {"garden:owner", "old_name", "pest", "height"}
    oldest = (await member.get(f"/garden/v1/plants/{newest['id']}")).json()["plant"]
    assert oldest["old_name"] == "rose"
    assert oldest["height"] == 3
    assert "sown_at" not in oldest
    seen = (await cloud.admin().get(f"/garden/v1/plants/{newest['id']}")).json()["plant"]
    assert seen["garden:owner"] == "p1"


@pytest.mark.parametrize("order", ["", "?sort_key=sown_at"])
async def test_lists_write_instants_as_single_rows_do(cloud, database, order):
    member = cloud.member("p1")
    for number in range(3):
        plant = await sow(member, name="rose")
        async with database.begin() as tx:
            when = clock.now().replace(microsecond=number * 400_000) if number else None
            await tx.update(Plant, Plant.c.id == plant["id"], updated_at=when)
    listed = (await member.get(f"/garden/v1/sowings{order}")).json()["sowings"]
    shown = [(await member.get(f"/garden/v1/sowings/{one['id']}")).json()["sowing"] for one in listed]
    assert listed == shown
    assert [one["updated_at"] is None for one in listed].count(True) == 1
    assert all(one["sown_at"].endswith("Z") for one in listed)


async def test_optional_and_spread_fields_appear_only_when_there(cloud):
    plant = await sow(cloud.member("p1"), name="kale", extra={"pest": "moth", "more": {"taste": "bitter"}})
    assert plant["pest"] == "moth"
    assert plant["taste"] == "bitter"


async def test_lists_filter_by_field_operator_and_function(cloud):
    member = cloud.member("p1")
    for name, cm in (("rose", 1), ("Rosemary", 5), ("kale", 9)):
        await sow(member, name=name, cm=cm)
    assert await names(member, "name=kale") == ["kale"]
    assert sorted(await names(member, "name=kale&name=rose")) == ["kale", "rose"]
    assert await names(member, "name__startswith=rose") == ["rose"]
    assert sorted(await names(member, "name__istartswith=rose")) == ["Rosemary", "rose"]
    assert await names(member, "min=6") == ["kale"]
    assert await names(member, "cm=5&shared=false") == ["Rosemary"]
    assert (await member.get("/garden/v1/plants?shared=perhaps")).status_code == 400


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(
    "order", ["sort=name:{}", "sort=name:{},cm:asc", "sort=sown_at:{}", "sort=shared:{}"]
)
async def test_paging_visits_every_row_once_whatever_is_absent(cloud, database, order, direction):
    member = cloud.member("p1")
    for number, name in enumerate((None, "b", "a", None, "b")):
        plant = await sow(member, name=name)
        facts = {"sown_at": clock.now() if number % 3 else None, "shared": bool(number % 2)}
        async with database.begin() as tx:
            await tx.update(Plant, Plant.c.id == plant["id"], **facts)
    for reverse in ("", "&page_reverse=true"):
        seen, marker = [], ""
        while len(seen) < 9:
            query = f"limit=2&{order.format(direction)}{marker}{reverse}"
            page = (await member.get(f"/garden/v1/plants?{query}")).json()["plants"]
            if not page:
                break
            seen += [plant["id"] for plant in page]
            marker = f"&marker={page[0 if reverse else -1]['id']}"
        assert len(seen) == len(set(seen)) == 5, reverse


async def test_a_page_can_be_read_backwards(cloud):
    member = cloud.member("p1")
    made = {name: await sow(member, name=name) for name in "abcd"}
    back = f"sort_key=name&limit=2&page_reverse=true&marker={made['d']['id']}"
    assert await names(member, back) == ["b", "c"]


async def test_bad_list_parameters_are_named(cloud):
    member = cloud.member("p1")
    for query in ("limit=x", "limit=-1", "sort_key=extra", "sort_key=name&sort_dir=up", "marker=nobody"):
        answer = await member.get(f"/garden/v1/plants?{query}")
        assert answer.status_code == 400, query
        assert query.split("=")[-1] in answer.json()["error"]["message"]


async def test_only_the_fields_asked_for_are_shown(cloud):
    member = cloud.member("p1")
    await sow(member, name="rose")
    listed = (await member.get("/garden/v1/plants?fields=name&fields=height")).json()["plants"]
    assert listed == [{"name": "rose", "height": 0}]


async def test_a_guarded_field_needs_its_rule(cloud):
    body = {"plant": {"name": "x", "shared": True}}
    assert (await cloud.member("p1").post("/garden/v1/plants", json=body)).status_code == 403
    assert (await cloud.admin().post("/garden/v1/plants", json=body)).status_code == 201


async def test_a_field_of_a_later_version_is_unknown_before_it(cloud):
    member = cloud.member("p1")
    body = {"plant": {"name": "x", "colour": "red"}}
    early = await member.post("/garden/v1/plants", json=body)
    assert early.status_code == 400
    assert "colour" in early.json()["error"]["message"]
    assert (await member.post("/garden/v1/plants", json=body, headers=NEWEST)).status_code == 201


async def test_a_bulk_create_makes_all_or_none(cloud):
    member = cloud.member("p1")
    made = await member.post("/garden/v1/plants", json={"plants": [{"name": "a"}, {"name": "b"}]})
    assert [plant["name"] for plant in made.json()["plants"]] == ["a", "b"]
    refused = await member.post("/garden/v1/plants", json={"plants": [{"name": "c"}, {"shared": True}]})
    assert refused.status_code == 403
    assert sorted(await names(member, "")) == ["a", "b"]


async def test_an_update_writes_only_what_was_sent(cloud):
    member = cloud.member("p1")
    plant = await sow(member, name="rose", cm=3)
    path = f"/garden/v1/plants/{plant['id']}"
    changed = (await member.put(path, json={"plant": {"name": None}})).json()["plant"]
    assert changed["name"] is None
    assert changed["height"] == 3
    missing = await member.get("/garden/v1/plants/nobody")
    assert missing.json()["error"]["message"] == "No plant nobody here."


async def test_a_members_route_has_its_row(cloud):
    member = cloud.member("p1")
    plant = await sow(member, cm=7)
    assert (await member.get(f"/garden/v1/plants/{plant['id']}/height")).json() == {"height": 7}
    assert (await cloud.member("p2").get(f"/garden/v1/plants/{plant['id']}/height")).status_code == 404


def test_the_openapi_document_says_what_is_declared():
    made = document(SERVICE)
    assert made["info"]["version"] == "1.5"
    listed = made["paths"]["/garden/v1/plants"]["get"]
    assert "name" in [parameter["name"] for parameter in listed["parameters"]]
    body = made["paths"]["/garden/v1/plants"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["plant"]
    assert made["paths"]["/garden/v1/plants/{plant_id}"]["delete"]["x-policy"] == "garden:write"


class PlantLabel(View, model=Plant):
    """A plant whose fields all say what they read."""

    id: str
    read: Annotated[Any, Computed(lambda row, _page: row.__struct_fields__, reads=("height",))]


async def test_a_list_fetches_only_the_columns_that_its_fields_read(database):
    labels = Resource("label", "/labels", model=Plant, view=PlantLabel, scope=PROJECT, order=("name",))
    labels.list(policy=READ)
    service = Service(
        name="garden", types=("garden",), dialect=Dialect(path="/garden"), parts=(labels,), rules=(READ,)
    )
    await database.create_all()
    async with Cloud([service], database) as cloud:
        async with database.begin() as tx:
            await tx.insert(Plant(project_id="p1", name="rose", extra={"a": 1}))
        (listed,) = (await cloud.member("p1").get("/garden/labels")).json()["labels"]
    assert listed["read"] == ["id", "name", "height"]


async def test_changes_at_once_each_begin_with_what_the_last_one_left(cloud):
    client = cloud.member("p1")
    plant = await sow(client)
    grown = [client.post(f"/garden/v1/plants/{plant['id']}/height") for _ in range(8)]
    heights = [answer.json()["height"] for answer in await asyncio.gather(*grown)]
    assert sorted(heights) == list(range(1, 9))
