"""The contract suite of `cumulo.contracts.ownership`: each service's tests run it on what they made."""

from cumulo.contracts.ownership import Owned, Ownership, Stage
from cumulo.core.db import Database
from cumulo.core.tasks import Tasks


async def check_ownership(tasks: Tasks, owner: Ownership, mine: str, other: str) -> list[str]:
    """Prove that everything of one project goes and nothing of the other's; return the kinds there were.

    Before it, both projects must own something that nothing keeps from being removed.
    """
    database = tasks.database
    things, others = await _owned(database, owner, mine), await _owned(database, owner, other)
    assert things, f"{mine} owns nothing to begin with"
    assert others, f"{other} owns nothing to begin with"
    named = [(thing.kind, thing.id) for thing in things]
    assert len(named) == len(set(named)), "two things of a kind have the same id"
    for thing in others:  # a project removes nothing of another's, whatever it is given
        await _remove(tasks, owner, mine, thing)
    await tasks.settle()
    assert await _owned(database, owner, other) == others
    ordered = sorted(things, key=lambda thing: thing.stage)
    for _ in range(2):  # the second time it is leaving or gone
        for thing in ordered:
            await _remove(tasks, owner, mine, thing)
    await tasks.settle()
    left = await _owned(database, owner, mine)
    assert not left, f"left: {left}"
    for thing in ordered:
        await _remove(tasks, owner, mine, thing)
    # What the one had given the other went with it; the other's own things did not.
    own = [thing for thing in others if thing.stage is not Stage.SETTINGS]
    after = await _owned(database, owner, other)
    assert [thing for thing in after if thing.stage is not Stage.SETTINGS] == own
    return sorted({thing.kind for thing in things})


async def _owned(database: Database, owner: Ownership, project_id: str) -> list[Owned]:
    async with database.read() as db:
        return await owner.owned(db, project_id)


async def _remove(tasks: Tasks, owner: Ownership, project_id: str, thing: Owned) -> None:
    async with tasks.work(project_id=project_id) as work:
        await owner.remove(work, project_id, thing)
