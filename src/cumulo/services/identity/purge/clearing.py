"""Removing what projects own, stage by stage: asking each service, waiting, asking again."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from cumulo.contracts.ownership import Owners, Stage
from cumulo.core import clock
from cumulo.core.drivers import Permanent, Temporary
from cumulo.core.errors import Bug, Error
from cumulo.core.tasks import EffectRun, Tasks
from cumulo.services.identity.purge.findings import Finding, left

TURN = 10.0  # seconds that a part waits at a stretch; then others get its place among the effects at work
PATIENCE = 360  # turns, so that a stage has an hour
ASKED = 3  # times that a thing is asked to go, in a turn
_FIRST_LOOK, _LAST_LOOK = 0.02, 1.0  # seconds between two looks at what is left, ever longer
_TOLD = 20  # things that a message names


class NotGone(Permanent):
    """Some things did not go."""


class StillGoing(Temporary):
    """Some things are on their way."""


class Clearing:
    """One turn at one stage of these projects."""

    def __init__(self, run: EffectRun, project_ids: Sequence[str], stage: Stage) -> None:
        self._run = run
        self._project_ids = project_ids
        self._stage = stage
        self._owners = run.use(Owners)
        self._asked: Counter[tuple[str, ...]] = Counter()
        self._refusals: dict[tuple[str, ...], str] = {}

    async def work(self) -> dict[str, str]:
        """Remove all of the stage; return what stays, each thing with the reason. StillGoing after a turn."""
        until = clock.monotonic() + TURN
        found = await self._look()
        most, pause = len(found), _FIRST_LOOK
        while any(self._is_open(each) for each in found):
            await self._ask(found)
            before, found = len(found), await self._look()
            most = max(most, len(found))
            self._run.say(f"{most - len(found)} of {most} gone")
            if not found:
                break
            if clock.monotonic() > until:
                raise StillGoing(f"not everything is gone yet: {told(self._reasons(found))}", retry_in=0.0)
            if len(found) < before:  # what went may have been in the way of something
                self._asked.clear()
            pause = _FIRST_LOOK if len(found) < before else min(2 * pause, _LAST_LOOK)
            await asyncio.sleep(pause)
        return self._reasons(found)

    async def _look(self) -> list[Finding]:
        async with self._run.reader() as db:
            return await left(db, self._owners, self._project_ids, [self._stage])

    def _is_open(self, finding: Finding) -> bool:
        """Say whether something is still to be hoped for."""
        return finding.thing.leaving or self._asked[finding.key] < ASKED

    async def _ask(self, found: Sequence[Finding]) -> None:
        """Ask everything to go that is not going, each in a transaction of its own."""
        for each in found:
            if each.thing.leaving or not self._is_open(each):
                continue
            self._asked[each.key] += 1
            self._refusals.pop(each.key, None)
            try:
                async with self._run.use(Tasks).work(self._run.request_id, each.project_id) as work:
                    await self._owners.by_service[each.service].remove(work, each.project_id, each.thing)
            except Bug:
                raise
            except Error as error:
                self._refusals[each.key] = error.message

    def _reasons(self, found: Sequence[Finding]) -> dict[str, str]:
        return {str(each): self._reason(each) for each in found}

    def _reason(self, finding: Finding) -> str:
        if finding.thing.leaving:
            return "its removal is under way"
        return self._refusals.get(finding.key) or finding.thing.problem or "it did not go"


def told(reasons: dict[str, str]) -> str:
    """Return what is left and why in one line; of very much only the first."""
    named = [f"{what}: {why.rstrip('.')}" for what, why in list(reasons.items())[:_TOLD]]
    more = [f"and {len(reasons) - _TOLD} more"] if len(reasons) > _TOLD else []
    return "; ".join([*named, *more])
