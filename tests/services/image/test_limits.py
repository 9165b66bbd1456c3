"""Quotas by unified limits, and protected properties."""

import httpx
import pytest
from tests.services.image.catalogue import OCTETS, V2, active, register, upload
from tests.services.image.conftest import FixedLimits

from cumulo.services.image.config import ImageSettings, PropertyRule
from cumulo.testing.cloud import Cloud

MIB = bytes(1 << 20)


async def unannounced(client: httpx.AsyncClient, image_id: str, verb: str = "file") -> int:
    async def pieces():
        yield MIB

    answer = await client.put(f"{V2}/images/{image_id}/{verb}", content=pieces(), headers=OCTETS)
    return answer.status_code


async def test_the_number_of_images_is_limited(cloud: Cloud, unified: FixedLimits):
    member = cloud.member("p1")
    unified["image_count_total"] = 1
    image = await register(member)
    answer = await member.post(f"{V2}/images", json={"name": "two"})
    assert answer.status_code == 413
    assert "image_count_total" in answer.json()["message"]
    await register(cloud.member("p2"))
    await member.delete(f"{V2}/images/{image['id']}")
    await register(member)


async def test_the_size_of_all_images_is_limited(cloud: Cloud, unified: FixedLimits):
    member = cloud.member("p1")
    unified["image_size_total"] = 1
    first, second, third = [(await register(member))["id"] for _ in range(3)]
    assert await unannounced(member, first) == 204
    assert (await upload(member, second, MIB)).status_code == 413  # announced, and too much
    assert await unannounced(member, second) == 204  # nobody knew how much it would be
    assert await unannounced(member, third) == 413
    usage = (await member.get(f"{V2}/info/usage")).json()["usage"]
    assert usage["image_size_total"] == {"limit": 1, "usage": 2}
    assert usage["image_count_total"] == {"limit": -1, "usage": 3}


async def test_what_is_staged_is_limited(cloud: Cloud, unified: FixedLimits):
    member = cloud.member("p1")
    unified |= {"image_stage_total": 1, "image_count_uploading": 2}
    ids = [(await register(member))["id"] for _ in range(4)]
    assert [await unannounced(member, image_id, "stage") for image_id in ids[:2]] == [204, 204]
    unified["image_stage_total"] = 9
    assert await unannounced(member, ids[2], "stage") == 413  # two are on their way already
    assert await unannounced(member, ids[2]) == 413
    body = {"method": {"name": "glance-direct"}}
    await member.post(f"{V2}/images/{ids[0]}/import", json=body)
    await cloud.settle()
    assert await unannounced(member, ids[2], "stage") == 204


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> ImageSettings:
    rules = (
        PropertyRule(pattern="x_none_.*", read=("@",)),
        PropertyRule(
            pattern="x_billing_.*", create=("admin",), read=("admin",), update=("admin",), delete=()
        ),
        PropertyRule(pattern="x_.*", create=("@",), read=("@",), update=("@",), delete=("@",)),
    )
    return ImageSettings(protected_properties=rules)


async def test_protected_properties_are_for_those_who_may(cloud: Cloud):
    admin, member = cloud.admin(), cloud.member("p1")
    for name in ("x_billing_code", "x_none_1"):
        answer = await member.post(f"{V2}/images", json={"name": "n", name: "1"})
        assert (answer.status_code, name in answer.text) == (403, True)
    image = await active(member, x_free="yes", other="yes")
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}

    async def patch(client: httpx.AsyncClient, op: str, name: str) -> int:
        change = f'[{{"op": "{op}", "path": "/{name}", "value": "2"}}]'
        answer = await client.patch(f"{V2}/images/{image['id']}", content=change, headers=kind)
        return answer.status_code

    assert await patch(admin, "add", "x_billing_code") == 200
    shown = (await member.get(f"{V2}/images/{image['id']}")).json()
    assert (shown["x_free"], shown["other"], "x_billing_code" in shown) == ("yes", "yes", False)
    assert (await admin.get(f"{V2}/images/{image['id']}")).json()["x_billing_code"] == "2"
    assert await patch(member, "replace", "x_billing_code") == 409  # to the member it is not there
    assert await patch(member, "add", "x_billing_code") == 403
    assert await patch(admin, "replace", "x_billing_code") == 200
    assert await patch(admin, "remove", "x_billing_code") == 403
    assert await patch(member, "remove", "x_free") == 200
