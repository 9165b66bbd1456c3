"""Block storage on fakes, once per test and database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.services.block_storage.fakes import StorageCloud, storage_cloud

from cumulo.core.db import Database


@pytest.fixture
async def cloud(database: Database, tmp_path: Path) -> AsyncIterator[StorageCloud]:
    async with storage_cloud(database, tmp_path) as made:
        yield made


@pytest.fixture
def latest() -> dict[str, str]:
    """The header that asks for the newest version."""
    return {"OpenStack-API-Version": "volume latest"}
