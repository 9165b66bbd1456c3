import pytest
from tests.services.image.catalogue import V2, active, names, register

from cumulo.testing.cloud import Cloud

SHOWN = {
    "checksum": None,
    "container_format": "bare",
    "disk_format": "raw",
    "min_disk": 0,
    "min_ram": 0,
    "name": "one",
    "os_hash_algo": None,
    "os_hash_value": None,
    "os_hidden": False,
    "owner": "p1",
    "protected": False,
    "schema": "/v2/schemas/image",
    "size": None,
    "status": "queued",
    "tags": [],
    "virtual_size": None,
    "visibility": "shared",
}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


async def patched(client, image_id, *operations, kind=PATCH["Content-Type"]):
    return await client.patch(
        f"{V2}/images/{image_id}", json=list(operations), headers={"Content-Type": kind}
    )


async def test_a_new_image_is_queued_and_belongs_to_the_project(cloud: Cloud):
    member = cloud.member("p1")
    answer = await member.post(
        f"{V2}/images", json={"name": "one", "disk_format": "raw", "container_format": "bare"}
    )
    image = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"http://cloud/image/v2/images/{image['id']}"
    assert image.pop("self") == f"/v2/images/{image['id']}"
    assert image.pop("file") == f"/v2/images/{image.pop('id')}/file"
    assert image.pop("created_at").endswith("Z")
    assert image.pop("updated_at").endswith("Z")
    assert image == SHOWN


async def test_own_properties_stand_beside_the_fixed_attributes(cloud: Cloud):
    member = cloud.member("p1")
    image = await register(member, os_distro="debian", tags=["b", "a", "b"], hw_disk_bus="virtio")
    assert (image["os_distro"], image["hw_disk_bus"], image["tags"]) == ("debian", "virtio", ["a", "b"])
    assert (await member.get(f"{V2}/images/{image['id']}")).json() == image


@pytest.mark.parametrize(
    "body",
    [
        {"disk_format": "wrong"},
        {"disk_format": "raw\n"},
        {"container_format": "bare\n"},
        {"container_format": "wrong"},
        {"visibility": "everyone"},
        {"min_ram": -1},
        {"min_disk": "7"},
        {"protected": "yes"},
        {"name": 5},
        {"name": "n" * 256},
        {"tags": "a"},
        {"tags": ["t" * 256]},
        {"id": "no-uuid"},
        {"own": 5},
        {"": "x"},
        ["list"],
    ],
)
async def test_a_bad_attribute_is_400(cloud: Cloud, body):
    answer = await cloud.member("p1").post(f"{V2}/images", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["title"] == "Bad Request"


@pytest.mark.parametrize(
    "name", ["status", "size", "checksum", "self", "locations", "os_glance_x", "deleted"]
)
async def test_a_fixed_attribute_is_403(cloud: Cloud, name: str):
    assert (await cloud.member("p1").post(f"{V2}/images", json={name: "x"})).status_code == 403


async def test_an_id_can_be_chosen_once(cloud: Cloud):
    chosen = "11111111-2222-3333-4444-555555555555"
    assert (await register(cloud.member("p1"), id=chosen))["id"] == chosen
    answer = await cloud.member("p2").post(f"{V2}/images", json={"id": chosen})
    assert answer.status_code == 409


async def test_only_an_administrator_names_another_owner_or_publishes(cloud: Cloud):
    member, admin = cloud.member("p1"), cloud.admin()
    assert (await member.post(f"{V2}/images", json={"owner": "p2"})).status_code == 403
    assert (await member.post(f"{V2}/images", json={"visibility": "public"})).status_code == 403
    assert (await register(admin, owner="p2", visibility="public"))["owner"] == "p2"
    assert (await register(member, visibility="community"))["visibility"] == "community"
    assert (await cloud.reader("p1").post(f"{V2}/images", json={})).status_code == 403


async def test_too_many_tags_or_properties_are_413(cloud: Cloud):
    member = cloud.member("p1")
    assert (await member.post(f"{V2}/images", json={"tags": list("abcd")})).status_code == 413
    assert (await member.post(f"{V2}/images", json={f"p{n}": "" for n in range(6)})).status_code == 413


async def test_what_is_not_visible_is_404_and_what_is_not_owned_403(cloud: Cloud):
    owner, other = cloud.member("p1"), cloud.member("p2")
    shared, public = await register(owner), await register(cloud.admin(), visibility="public")
    missing = "11111111-2222-3333-4444-555555555555"
    for image_id in (shared["id"], missing):
        answer = await other.get(f"{V2}/images/{image_id}")
        assert answer.status_code == 404
        assert answer.json()["message"] == f"No image found with ID {image_id}"
        assert (await other.delete(f"{V2}/images/{image_id}")).status_code == 404
    assert (await other.get(f"{V2}/images/{public['id']}")).status_code == 200
    assert (await other.delete(f"{V2}/images/{public['id']}")).status_code == 403
    change = {"op": "replace", "path": "/name", "value": "mine"}
    assert (await patched(other, public["id"], change)).status_code == 403
    assert (await cloud.anonymous().get(f"{V2}/images")).status_code == 401


async def test_lists_show_own_public_and_accepted_images(cloud: Cloud):
    one, two, admin = cloud.member("p1"), cloud.member("p2"), cloud.admin()
    await register(one, name="own")
    await register(one, name="hidden", os_hidden=True)
    await register(two, name="foreign")
    await register(two, name="community", visibility="community")
    await register(admin, name="public", visibility="public")
    offered = await register(two, name="offered")
    members = f"{V2}/images/{offered['id']}/members"
    assert (await two.post(members, json={"member": "p1"})).status_code == 200
    listed = f"{V2}/images"
    assert names(await one.get(listed)) == ["public", "own"]
    assert names(await one.get(f"{listed}?member_status=pending")) == ["offered", "public", "own"]
    assert names(await one.get(f"{listed}?visibility=community")) == ["community"]
    assert names(await one.get(f"{listed}?visibility=all")) == ["public", "community", "own"]
    assert names(await one.get(f"{listed}?visibility=shared&member_status=all")) == ["offered", "own"]
    assert names(await one.get(f"{listed}?os_hidden=true")) == ["hidden"]
    assert (await one.put(f"{members}/p1", json={"status": "accepted"})).status_code == 200
    assert names(await one.get(listed)) == ["offered", "public", "own"]
    assert names(await admin.get(listed)) == ["offered", "public", "foreign", "own"]
    assert (await one.get(f"{listed}?visibility=x")).status_code == 400
    assert (await one.get(f"{listed}?member_status=x")).status_code == 400


async def test_lists_are_filtered(cloud: Cloud):
    one = cloud.member("p1")
    await register(one, name="a", tags=["x", "y"], os_distro="debian", min_ram=64, **{'say "a.b"': "1"})
    await register(one, name="b", tags=["x"], disk_format="qcow2", protected=True)
    await active(one, b"12345", name="c, d")
    listed = f"{V2}/images?sort=name:asc&"
    for query, found in {
        "name=a": ["a"],
        'name=in:a,"c, d"': ["a", "c, d"],
        "tag=x": ["a", "b"],
        "tag=x&tag=y": ["a"],
        "os_distro=debian": ["a"],
        "os_distro=other": [],
        "say%20%22a.b%22=1": ["a"],
        "%22%5B=1": [],
        "min_ram=64": ["a"],
        "disk_format=qcow2": ["b"],
        "disk_format=in:raw,qcow2": ["a", "b", "c, d"],
        "protected=true": ["b"],
        "status=active": ["c, d"],
        "status=unheard-of": [],
        "status=in:unheard-of,active": ["c, d"],
        "size=5": ["c, d"],
        "size_min=5": ["c, d"],
        "size_max=4": [],
        "owner=p2": [],
        "created_at=gt:2020-01-01T00:00:00Z": ["a", "b", "c, d"],
        "created_at=lt:2020-01-01T00:00:00Z": [],
    }.items():
        assert names(await one.get(listed + query)) == found, query
    for query in (
        'name=in:"a',
        "min_ram=x",
        "created_at=gt:never",
        "sort=colour:asc",
        "limit=-1",
        "marker=no",
    ):
        assert (await one.get(f"{V2}/images?{query}")).status_code == 400, query


async def test_lists_are_paged_by_links_below_the_service(cloud: Cloud):
    one = cloud.member("p1")
    for name in "abcde":
        await register(one, name=name)
    page = (await one.get(f"{V2}/images?limit=2&sort_key=name&sort_dir=asc")).json()
    seen = [image["name"] for image in page["images"]]
    assert page["first"] == "/v2/images?limit=2&sort_key=name&sort_dir=asc"
    assert page["schema"] == "/v2/schemas/images"
    while "next" in page:
        assert page["next"].startswith("/v2/images?")
        page = (await one.get(f"/image{page['next']}")).json()
        seen += [image["name"] for image in page["images"]]
    assert seen == list("abcde")
    assert (await one.get(f"{V2}/images")).json()["first"] == "/v2/images"


async def test_a_patch_changes_attributes_properties_and_tags(cloud: Cloud):
    one = cloud.member("p1")
    image = await register(one, os_distro="debian", old="x")
    answer = await patched(
        one,
        image["id"],
        {"op": "replace", "path": "/name", "value": "two"},
        {"op": "replace", "path": "/tags", "value": ["t"]},
        {"op": "add", "path": "/a~1b", "value": "c"},
        {"op": "replace", "path": "/os_distro", "value": "ubuntu"},
        {"op": "remove", "path": "/old"},
        {"op": "add", "path": "/min_ram", "value": 128},
    )
    assert answer.status_code == 200, answer.text
    shown = (await one.get(f"{V2}/images/{image['id']}")).json()
    assert shown == answer.json()
    assert (shown["name"], shown["tags"], shown["a/b"], shown["os_distro"], shown["min_ram"]) == (
        "two", ["t"], "c", "ubuntu", 128,
    )  # fmt: skip
    assert "old" not in shown


async def test_the_older_form_of_a_patch_works_too(cloud: Cloud):
    one = cloud.member("p1")
    image = await register(one)
    kind = "application/openstack-images-v2.0-json-patch"
    operations = ({"add": "/own", "value": "x"}, {"replace": "/name", "value": "n"})
    answer = await patched(one, image["id"], *operations, kind=kind)
    assert (answer.json()["own"], answer.json()["name"]) == ("x", "n")


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/status", "value": "active"}, 403),
        ({"op": "replace", "path": "/id", "value": "11111111-2222-3333-4444-555555555555"}, 403),
        ({"op": "replace", "path": "/owner", "value": "p2"}, 403),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ({"op": "remove", "path": "/name"}, 403),
        ({"add": "/os_glance_foo", "value": "bar"}, 403),
        ({"op": "add", "path": "/locations/-", "value": {}}, 400),
        ({"op": "replace", "path": "/nothing", "value": "x"}, 409),
        ({"op": "remove", "path": "/nothing"}, 409),
        ({"op": "replace", "path": "/name"}, 400),
        ({"op": "move", "path": "/name", "from": "/x"}, 400),
        ({"op": "replace", "path": "name", "value": "x"}, 400),
        ({"op": "replace", "path": "/min_ram", "value": "x"}, 400),
        ({"op": "add", "path": "/own", "value": 5}, 400),
    ],
)
async def test_what_a_patch_may_not_do(cloud: Cloud, operation, status: int):
    one = cloud.member("p1")
    image = await register(one)
    change = {"op": "replace", "path": "/name", "value": "changed"}
    assert (await patched(one, image["id"], change, operation)).status_code == status
    assert (await one.get(f"{V2}/images/{image['id']}")).json() == image


async def test_formats_change_only_while_queued(cloud: Cloud):
    one = cloud.member("p1")
    change = {"op": "replace", "path": "/disk_format", "value": "qcow2"}
    queued, full = await register(one), await active(one)
    assert (await patched(one, queued["id"], change)).status_code == 200
    assert (await patched(one, full["id"], change)).status_code == 403


async def test_a_patch_of_another_type_is_415(cloud: Cloud):
    image = await register(cloud.member("p1"))
    answer = await patched(cloud.member("p1"), image["id"], kind="application/json")
    assert answer.status_code == 415


async def test_tags_are_added_and_removed_one_by_one(cloud: Cloud):
    one = cloud.member("p1")
    image = await register(one)
    tags = f"{V2}/images/{image['id']}/tags"
    for tag in ("a", "a", "b%2Fc", "d"):
        assert (await one.put(f"{tags}/{tag}")).status_code == 204
    assert (await one.put(f"{tags}/e")).status_code == 413
    assert (await one.delete(f"{tags}/a")).status_code == 204
    assert (await one.delete(f"{tags}/a")).status_code == 404
    assert (await one.get(f"{V2}/images/{image['id']}")).json()["tags"] == ["b/c", "d"]


async def test_a_protected_image_is_not_deleted(cloud: Cloud):
    one = cloud.member("p1")
    image = await register(one, protected=True)
    answer = await one.delete(f"{V2}/images/{image['id']}")
    assert answer.status_code == 403
    assert "protected" in answer.json()["message"]


async def test_members_are_shared_with_and_answer(cloud: Cloud):
    one, two, three = cloud.member("p1"), cloud.member("p2"), cloud.member("p3")
    image = await register(one)
    here = f"{V2}/images/{image['id']}"
    added = await one.post(f"{here}/members", json={"member": "p2"})
    assert added.json().items() >= {
        "image_id": image["id"], "member_id": "p2", "status": "pending", "schema": "/v2/schemas/member",
    }.items()  # fmt: skip
    assert (await one.post(f"{here}/members", json={"member": "p2"})).status_code == 409
    assert (await one.post(f"{here}/members", json={"member": "p3"})).status_code == 200
    assert (await two.get(here)).status_code == 200
    assert [m["member_id"] for m in (await two.get(f"{here}/members")).json()["members"]] == ["p2"]
    assert len((await one.get(f"{here}/members")).json()["members"]) == 2
    assert (await two.get(f"{here}/members/p3")).status_code == 404
    assert (await two.put(f"{here}/members/p2", json={"status": "odd"})).status_code == 400
    assert (await one.put(f"{here}/members/p2", json={"status": "accepted"})).status_code == 403
    assert (await two.put(f"{here}/members/p2", json={"status": "rejected", "member": "p2"})).json()[
        "status"
    ] == "rejected"
    assert (await two.delete(f"{here}/members/p2")).status_code == 403
    assert (await one.delete(f"{here}/members/p2")).status_code == 204
    assert (await two.get(here)).status_code == 404
    assert (await three.get(here)).status_code == 200


async def test_only_shared_images_have_members(cloud: Cloud):
    one = cloud.member("p1")
    image = await register(one, visibility="private")
    answer = await one.post(f"{V2}/images/{image['id']}/members", json={"member": "p2"})
    assert answer.status_code == 403
