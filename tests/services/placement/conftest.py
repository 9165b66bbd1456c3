from collections.abc import AsyncIterator

import httpx
import pytest

from cumulo.core.db import Database
from cumulo.services.placement import SERVICE
from cumulo.services.placement.surveying import Surveyor
from cumulo.testing.cloud import Cloud


@pytest.fixture
async def cloud(database: Database) -> AsyncIterator[Cloud]:
    async with Cloud([SERVICE], database, {Surveyor: Surveyor()}) as made:
        yield made


@pytest.fixture
def api(cloud: Cloud) -> httpx.AsyncClient:
    """An administrator at the newest version."""
    client = cloud.admin()
    client.base_url = "http://cloud/placement"
    client.headers["OpenStack-API-Version"] = "placement 1.39"
    return client
