import pytest
from tests.services.image.catalogue import V2, active

from cumulo.testing.cloud import Cloud


@pytest.mark.parametrize(("path", "status"), [("/image", 300), ("/image/", 300), ("/image/versions", 200)])
async def test_the_versions_are_open_to_all(cloud: Cloud, path: str, status: int):
    answer = await cloud.anonymous().get(path)
    assert answer.status_code == status
    first = answer.json()["versions"][0]
    assert first == {
        "id": "v2.18",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": "http://cloud/image/v2/"}],
    }


async def test_the_schema_names_all_that_an_image_shows(cloud: Cloud):
    member = cloud.member("p1")
    schema = (await member.get(f"{V2}/schemas/image")).json()
    assert set(schema["properties"]) == set(await active(member))
    many = (await member.get(f"{V2}/schemas/images")).json()
    assert many["properties"]["images"]["items"] == schema
    assert (await member.get(f"{V2}/schemas/member")).json()["name"] == "member"
    assert (await member.get(f"{V2}/schemas/members")).json()["name"] == "members"


async def test_what_the_service_can_do(cloud: Cloud):
    member = cloud.member("p1")
    methods = (await member.get(f"{V2}/info/import")).json()["import-methods"]["value"]
    assert methods == ["glance-direct", "web-download", "copy-image", "glance-download"]


@pytest.mark.parametrize(
    "name",
    ["namespace", "namespaces", "object", "objects", "property", "properties", "resource_type",
     "resource_types", "tag", "tags"],
)  # fmt: skip
async def test_metadata_definitions_have_schemas(cloud: Cloud, name: str):
    schema = (await cloud.member("p1").get(f"{V2}/schemas/metadefs/{name}")).json()
    assert schema["properties"]


async def test_tasks_have_schemas(cloud: Cloud):
    member = cloud.member("p1")
    assert (await member.get(f"{V2}/schemas/task")).json()["name"] == "task"
    many = (await member.get(f"{V2}/schemas/tasks")).json()
    assert many["properties"]["tasks"]["items"]["properties"]["status"]["enum"][0] == "pending"


async def test_a_stranger_and_a_lost_path(cloud: Cloud):
    assert (await cloud.anonymous().get(f"{V2}/images")).status_code == 401
    assert (await cloud.member("p1").get(f"{V2}/nothing")).status_code == 404
    assert (await cloud.member("p1").get(f"{V2}/images/")).status_code == 404
    assert (await cloud.member("p1").delete(f"{V2}/images/")).status_code == 404
