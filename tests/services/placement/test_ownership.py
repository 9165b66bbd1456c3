"""What a project claims of hosts goes, and nothing of another's."""

import httpx
from tests.services.placement.test_api import C1, C2, claim, provider

from cumulo.services.placement.ownership import ClaimsOwned
from cumulo.testing.cloud import Cloud
from cumulo.testing.ownership import check_ownership


async def test_allocations_go_with_their_consumer(cloud: Cloud, api: httpx.AsyncClient) -> None:
    await provider(api, VCPU={"total": 4})
    for consumer, project in ((C1, "p1"), (C2, "p2")):
        answer = await api.put(f"/allocations/{consumer}", json=claim(VCPU=1) | {"project_id": project})
        assert answer.status_code == 204, answer.text
    assert await check_ownership(cloud.tasks, ClaimsOwned(), "p1", "p2") == ["allocation"]
    assert (await api.get(f"/allocations/{C1}")).json()["allocations"] == {}
