import pytest
from tests.core.db.things import THINGS

from cumulo.core.db import Database


@pytest.fixture
async def db(database: Database) -> Database:
    await database.create_all(THINGS)
    return database
