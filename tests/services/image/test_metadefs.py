"""Metadata definitions: namespaces, what they define, and who sees them."""

from typing import Any

import httpx
import pytest
from tests.services.image.catalogue import V2

from cumulo.testing.cloud import Cloud

HOME = f"{V2}/metadefs/namespaces"
PROPERTY = {"name": "cores", "title": "Cores", "type": "integer", "minimum": 1, "enum": [1, 2]}


async def create(client: httpx.AsyncClient, name: str = "N::S", **more: Any) -> dict[str, Any]:
    answer = await client.post(HOME, json={"namespace": name, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_namespace_is_made_with_all_that_it_defines(cloud: Cloud):
    admin = cloud.admin()
    made = await create(
        admin,
        display_name="Nice",
        properties={"cores": {key: value for key, value in PROPERTY.items() if key != "name"}},
        objects=[
            {"name": "cpu", "required": ["cores"], "properties": {"cores": {"title": "C", "type": "integer"}}}
        ],
        tags=[{"name": "fast"}],
        resource_type_associations=[{"name": "OS::Glance::Image", "prefix": "hw_"}],
    )
    assert (made["visibility"], made["protected"], made["owner"]) == ("private", False, "admin")
    assert made["self"] == "/v2/metadefs/namespaces/N::S"
    shown = (await admin.get(f"{HOME}/N::S")).json()
    assert shown == made
    assert shown["properties"]["cores"]["enum"] == [1, 2]
    assert shown["objects"][0]["properties"] == {"cores": {"title": "C", "type": "integer"}}
    assert [tag["name"] for tag in shown["tags"]] == ["fast"]
    assert shown["resource_type_associations"][0]["prefix"] == "hw_"
    prefixed = (await admin.get(f"{HOME}/N::S?resource_type=OS::Glance::Image")).json()
    assert list(prefixed["properties"]) == ["hw_cores"]
    again = await admin.post(HOME, json={"namespace": "N::S"})
    assert again.status_code == 409


async def test_who_sees_and_who_defines(cloud: Cloud):
    admin, member = cloud.admin(), cloud.member("p1")
    await create(admin, "hidden")
    await create(admin, "open", visibility="public")
    await create(admin, "own", owner="p1")
    listed = (await member.get(HOME)).json()
    assert {row["namespace"] for row in listed["namespaces"]} == {"open", "own"}
    assert listed["schema"] == "/v2/schemas/metadefs/namespaces"
    assert (await member.get(f"{HOME}/hidden")).status_code == 404
    assert (await member.get(f"{HOME}/open")).status_code == 200
    assert (await member.post(HOME, json={"namespace": "mine"})).status_code == 403
    assert (await member.put(f"{HOME}/own", json={"namespace": "own"})).status_code == 403
    only = (await admin.get(f"{HOME}?visibility=public")).json()["namespaces"]
    assert [row["namespace"] for row in only] == ["open"]


async def test_namespaces_are_found_by_resource_type(cloud: Cloud):
    admin = cloud.admin()
    await create(admin, "a", resource_type_associations=[{"name": "OS::Nova::Flavor"}])
    await create(admin, "b")
    found = (await admin.get(f"{HOME}?resource_types=OS::Nova::Flavor,X")).json()["namespaces"]
    assert [row["namespace"] for row in found] == ["a"]
    assert found[0]["resource_type_associations"][0]["name"] == "OS::Nova::Flavor"


async def test_a_protected_namespace_stays(cloud: Cloud):
    admin = cloud.admin()
    await create(admin, protected=True, tags=[{"name": "t"}])
    assert (await admin.delete(f"{HOME}/N::S")).status_code == 403
    assert (await admin.delete(f"{HOME}/N::S/tags/t")).status_code == 403
    assert (await admin.delete(f"{HOME}/N::S/tags")).status_code == 403
    changed = await admin.put(f"{HOME}/N::S", json={"namespace": "M", "visibility": "public"})
    assert (changed.status_code, changed.json()["namespace"]) == (200, "M")
    assert (changed.json()["protected"], changed.json()["visibility"]) == (False, "public")
    assert (await admin.delete(f"{HOME}/M")).status_code == 204
    assert (await admin.get(f"{HOME}/M")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "change"),
    [
        ("objects", {"name": "one"}, {"name": "two", "description": "new"}),
        ("properties", PROPERTY | {"name": "one"}, PROPERTY | {"name": "two", "title": "T"}),
        ("tags", None, {"name": "two"}),
    ],
)
async def test_what_is_defined_is_shown_changed_and_deleted(cloud: Cloud, kind: str, body: Any, change: Any):
    admin = cloud.admin()
    await create(admin)
    home = f"{HOME}/N::S/{kind}"
    made = await (admin.post(home, json=body) if body else admin.post(f"{home}/one"))
    assert (made.status_code, made.json()["name"]) == (201, "one"), made.text
    again = await (admin.post(home, json=body) if body else admin.post(f"{home}/one"))
    assert again.status_code == 409
    shown = (await admin.get(f"{home}/one")).json()
    assert shown["name"] == "one"
    changed = await admin.put(f"{home}/one", json=change)
    assert (changed.status_code, changed.json()["name"]) == (200, "two"), changed.text
    assert (await admin.get(f"{home}/one")).status_code == 404
    listed = (await admin.get(home)).json()[kind]
    assert (list(listed) if kind == "properties" else [row["name"] for row in listed]) == ["two"]
    assert (await admin.delete(f"{home}/two")).status_code == 204
    assert (await admin.delete(f"{home}/two")).status_code == 404
    assert (await admin.delete(home)).status_code == 204
    assert not (await admin.get(home)).json()[kind]


async def test_tags_are_replaced_or_added_to(cloud: Cloud):
    admin = cloud.admin()
    await create(admin, tags=[{"name": "old"}])
    home = f"{HOME}/N::S/tags"
    await admin.post(home, json={"tags": [{"name": "a"}]})
    await admin.post(home, json={"tags": [{"name": "b"}]}, headers={"X-Openstack-Append": "True"})
    assert [tag["name"] for tag in (await admin.get(home)).json()["tags"]] == ["a", "b"]


async def test_namespaces_are_tied_to_resource_types(cloud: Cloud):
    admin = cloud.admin()
    await create(admin)
    home = f"{HOME}/N::S/resource_types"
    made = await admin.post(home, json={"name": "My::Type", "prefix": "x_", "properties_target": "image"})
    assert (made.status_code, made.json()["prefix"]) == (201, "x_")
    names = [row["name"] for row in (await admin.get(home)).json()["resource_type_associations"]]
    assert names == ["My::Type"]
    known = (await cloud.reader("p1").get(f"{V2}/metadefs/resource_types")).json()["resource_types"]
    assert {"My::Type", "OS::Glance::Image"} <= {row["name"] for row in known}
    times = {row["name"]: row.get("created_at", "unsaid") for row in known}  # null is none, by the schema
    assert None not in times.values()
    assert times["My::Type"].startswith("20")
    assert (await admin.delete(f"{home}/My::Type")).status_code == 204
    assert (await admin.delete(f"{home}/My::Type")).status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "namespace"),
        ({"namespace": "x" * 81}, "namespace"),
        ({"namespace": "x", "visibility": "shared"}, "visibility"),
        ({"namespace": "x", "odd": 1}, "odd"),
        ({"namespace": "x", "properties": {"p": {"title": "P", "type": "magic"}}}, "type"),
        ({"namespace": "x", "objects": [{"description": "no name"}]}, "name"),
    ],
)
async def test_a_bad_namespace_is_refused_naming_the_field(cloud: Cloud, body: Any, word: str):
    answer = await cloud.admin().post(HOME, json=body)
    assert (answer.status_code, word in answer.text) == (400, True), answer.text


async def test_a_client_may_send_back_what_it_was_shown(cloud: Cloud):
    admin = cloud.admin()
    await create(admin, objects=[{"name": "one", "properties": {"p": {"title": "P", "type": "string"}}}])
    shown = (await admin.get(f"{HOME}/N::S/objects/one")).json()
    changed = await admin.put(f"{HOME}/N::S/objects/one", json=shown)
    assert changed.status_code == 200, changed.text
    assert changed.json()["properties"] == shown["properties"]


async def test_namespaces_are_listed_page_by_page(cloud: Cloud):
    admin = cloud.admin()
    for name in ("a", "b", "c"):
        await create(admin, name)
    page = (await admin.get(f"{HOME}?limit=2&sort_key=namespace&sort_dir=asc")).json()
    assert [row["namespace"] for row in page["namespaces"]] == ["a", "b"]
    page = (await admin.get(page["next"].replace("/v2", V2))).json()
    assert [row["namespace"] for row in page["namespaces"]] == ["c"]
    assert "next" not in page
