"""The example of docs/adding-a-resource.md, taken out of the page and used over HTTP."""

import re
import sys
import types
from pathlib import Path

import pytest

from cumulo.testing.cloud import Cloud

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-resource.md"


@pytest.fixture(scope="module")
def example():
    module = types.ModuleType("cumulo_example")
    sys.modules[module.__name__] = module
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
async def cloud(example, database):
    await database.create_all()
    async with Cloud([example.SERVICE], database) as running:
        yield running


async def test_the_example_creates_lists_shows_changes_and_deletes(cloud):
    member = cloud.member("p1")
    made = await member.post("/library/v1/shelves", json={"shelf": {"name": "a", "width": 400}})
    assert made.status_code == 201, made.text
    shelf = made.json()["shelf"]
    assert shelf["OS-LIB:project"] == "p1"
    assert "updated_at" not in shelf
    path = f"/library/v1/shelves/{shelf['id']}"
    assert (await member.get(path)).json()["shelf"] == shelf
    renamed = await member.put(path, json={"shelf": {"name": "b"}})
    assert renamed.json()["shelf"]["name"] == "b"
    widened = await member.post(f"{path}/action", json={"widen": {"by": 100}})
    assert widened.status_code == 202
    listed = await member.get("/library/v1/shelves?width=500")
    assert [row["name"] for row in listed.json()["shelves"]] == ["b"]
    assert (await member.delete(path)).status_code == 204
    assert (await member.get(path)).status_code == 404


async def test_another_project_sees_nothing_of_it(cloud):
    made = await cloud.member("p1").post("/library/v1/shelves", json={"shelf": {"name": "a"}})
    path = f"/library/v1/shelves/{made.json()['shelf']['id']}"
    other = cloud.member("p2")
    assert (await other.get(path)).status_code == 404
    assert (await other.delete(path)).status_code == 404
    assert (await other.get("/library/v1/shelves")).json() == {"shelves": []}


async def test_a_bad_field_is_named(cloud):
    refused = await cloud.member("p1").post("/library/v1/shelves", json={"shelf": {"name": "a", "width": 1}})
    assert refused.status_code == 400
    assert "width" in refused.json()["error"]["message"]
    refused = await cloud.member("p1").post("/library/v1/shelves", json={"shelf": {"nme": "a"}})
    assert "nme" in refused.json()["error"]["message"]


async def test_a_reader_cannot_write_and_a_stranger_is_unknown(cloud):
    body = {"shelf": {"name": "a"}}
    assert (await cloud.reader("p1").post("/library/v1/shelves", json=body)).status_code == 403
    assert (await cloud.anonymous().post("/library/v1/shelves", json=body)).status_code == 401


async def test_lists_page_by_marker_in_either_direction(cloud):
    member = cloud.member("p1")
    for name in "dbeac":
        await member.post("/library/v1/shelves", json={"shelf": {"name": name}})
    seen, path = [], "/library/v1/shelves?sort_key=name&sort_dir=desc&limit=2"
    while path:
        page = (await member.get(path)).json()
        seen += [shelf["name"] for shelf in page["shelves"]]
        following = [link["href"] for link in page.get("shelves_links", ()) if link["rel"] == "next"]
        path = following[0] if following else None
    assert seen == list("edcba")


async def test_a_version_outside_the_range_is_not_acceptable(cloud):
    member = cloud.member("p1")
    answer = await member.get("/library/v1/shelves", headers={"OpenStack-API-Version": "library 9.9"})
    assert answer.status_code == 406
    newer = await member.post(
        "/library/v1/shelves",
        json={"shelf": {"name": "a"}},
        headers={"OpenStack-API-Version": "library 1.2"},
    )
    assert newer.json()["shelf"]["updated_at"] is None
