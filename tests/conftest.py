"""Fixtures that every test may use."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from cumulo.core.db import Database
from cumulo.testing.ceph import PrivateCeph, private_ceph
from cumulo.testing.database import Cluster, postgresql_cluster, sqlite_database
from cumulo.testing.nfs import PrivateNfs, private_nfs


def pytest_configure() -> None:
    """Say that there is no loop yet, or pytest-asyncio makes one before the first test and leaks it."""
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def logging() -> Iterator[None]:
    """Log nowhere that a test set up and that is gone after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster | None]:
    with postgresql_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A new database with every imported model's table, on SQLite and again on PostgreSQL."""
    if request.param == "sqlite":
        async with sqlite_database(tmp_path) as opened:
            yield opened
        return
    cluster = request.getfixturevalue("postgresql")
    if cluster is None:
        pytest.skip("no PostgreSQL server on this machine")
    async with cluster.database() as opened:
        yield opened


@pytest.fixture(scope="session")
def ceph() -> Iterator[PrivateCeph]:
    with private_ceph() as started:
        yield started


@pytest.fixture(scope="session")
def share() -> Iterator[PrivateNfs]:
    with private_nfs() as started:
        yield started
