"""The revision that writes down the tree of projects, on a cloud that had projects before."""

import importlib.util

from cumulo.core.db import Database
from cumulo.core.db.migrations import folder
from cumulo.services.identity.model import Domain, Lineage, Project


async def test_projects_that_were_there_get_their_lineage(database: Database) -> None:
    await database.create_all()
    parents = {"top": "home", "middle": "top", "low": "middle", "alone": "home"}
    async with database.begin() as db:
        await db.insert(Domain(id="home", name="home"))
        await db.insert_all(
            [Project(id=id_, name=id_, domain_id="home", parent_id=above) for id_, above in parents.items()]
        )
    spec = importlib.util.spec_from_file_location("revision", folder() / "versions/0012_identity_at_scale.py")
    assert spec is not None
    assert spec.loader is not None
    revision = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    async with database.begin() as db:
        await db.run(revision.FILL)
        rows = {(row.ancestor_id, row.project_id) for row in await db.all(Lineage)}
    expected = {
        "top": {"home", "top"},
        "middle": {"home", "top", "middle"},
        "low": {"home", "top", "middle", "low"},
        "alone": {"home", "alone"},
    }
    assert rows == {(above, project) for project, ids in expected.items() for above in ids}
