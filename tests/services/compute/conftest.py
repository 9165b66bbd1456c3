"""Compute on fakes, once per test and database."""

from collections.abc import AsyncIterator

import pytest
from tests.services.compute.fakes import ComputeCloud, compute_cloud

from cumulo.core.db import Database


@pytest.fixture
async def cloud(database: Database) -> AsyncIterator[ComputeCloud]:
    async with compute_cloud(database) as made:
        yield made
