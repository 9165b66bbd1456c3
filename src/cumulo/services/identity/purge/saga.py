"""The saga that purges."""

from typing import ClassVar

import msgspec

from cumulo.contracts.ownership import Owners, Stage
from cumulo.core.tasks import EffectRun, Saga, StepRun, effect, step
from cumulo.services.identity.domain import projects
from cumulo.services.identity.model import Project
from cumulo.services.identity.purge.clearing import PATIENCE, Clearing, NotGone, told
from cumulo.services.identity.purge.findings import left, purgeable

_CLEARED = (Stage.COMPOSITIONS, Stage.SERVERS, Stage.STORAGE, Stage.NETWORKS)
_LONGEST = 600.0  # seconds for one turn: asking ten thousand things takes a while


class Surveyed(msgspec.Struct, frozen=True):
    """A project to purge, and whether it was enabled before."""

    id: str
    enabled: bool


class PurgeProject(Saga):
    """Remove everything that a project owns in every service, and the project unless it is kept."""

    project_id: str
    keep_project: bool = False
    recursive: bool = False
    lock: ClassVar[str] = "project-purge:{project_id}"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that it goes through: a project that is kept keeps its settings."""
        return _CLEARED if self.keep_project else tuple(Stage)

    @step
    async def survey(self, run: StepRun) -> list[Surveyed]:
        """Note which projects are purged, and which of them were enabled."""
        found = await purgeable(run.db, self.project_id, recursive=self.recursive)
        return [Surveyed(row.id, row.enabled) for row in found]

    @step
    async def close(self, run: StepRun) -> None:
        """Disable the projects: their tokens end, and nothing new is made in them."""
        surveyed = run[PurgeProject.survey]
        for project in reversed(surveyed):
            row = await projects.require_project(run.db, project.id)
            if row.enabled:
                await projects.update_project(run, row, {"enabled": False})

    @effect(timeout=_LONGEST, retries=PATIENCE)
    async def remove_compositions(self, run: EffectRun) -> None:
        """Remove what consists of other services' resources: stacks, clusters and the like."""
        await _clear(run, Stage.COMPOSITIONS, whole=True)

    @effect(timeout=_LONGEST, retries=PATIENCE)
    async def remove_servers(self, run: EffectRun) -> None:
        """Remove servers; while one is left, nothing is taken from it."""
        await _clear(run, Stage.SERVERS, whole=True)

    @effect(timeout=_LONGEST, retries=PATIENCE)
    async def remove_storage(self, run: EffectRun) -> None:
        """Remove volumes, images and the like, as far as they go."""
        await _clear(run, Stage.STORAGE)

    @effect(timeout=_LONGEST, retries=PATIENCE)
    async def remove_networks(self, run: EffectRun) -> None:
        """Remove networks and what is on them, as far as they go."""
        await _clear(run, Stage.NETWORKS)

    @effect(timeout=_LONGEST, retries=PATIENCE)
    async def sweep(self, run: EffectRun) -> None:
        """Remove what was in the way before, or came up meanwhile; fail with what is left."""
        await _clear(run, *_CLEARED, whole=True)

    @effect(timeout=_LONGEST, retries=PATIENCE, when=lambda saga, _run: not saga.keep_project)
    async def remove_settings(self, run: EffectRun) -> None:
        """Remove what others gave the project: roles, limits, access."""
        await _clear(run, Stage.SETTINGS, whole=True)

    @step
    async def finish(self, run: StepRun) -> None:
        """See that nothing is left, then delete the projects, or enable those again that are kept."""
        surveyed = run[PurgeProject.survey]
        found = await left(run.db, run.use(Owners), [each.id for each in surveyed], self.stages)
        if found:
            raise _not_gone({str(each): "it came up meanwhile" for each in found})
        for each in surveyed if self.keep_project else reversed(surveyed):
            row = await run.db.get(Project, each.id)
            if row is not None and not self.keep_project:
                await projects.delete_project(run, row)
            elif row is not None and each.enabled:
                await projects.update_project(run, row, {"enabled": True})


async def _clear(run: EffectRun, *stages: Stage, whole: bool = False) -> None:
    """Have stages cleared. NotGone when something stays though the `whole` must go."""
    project_ids = [project.id for project in run[PurgeProject.survey]]
    reasons: dict[str, str] = {}
    for stage in stages:
        reasons |= await Clearing(run, project_ids, stage).work()
    if reasons:
        run.say(f"left: {told(reasons)}")
    if reasons and whole:
        raise _not_gone(reasons)


def _not_gone(reasons: dict[str, str]) -> NotGone:
    count = f"{len(reasons)} thing{'s' if len(reasons) > 1 else ''}"
    return NotGone(f"{count} could not be removed, and the project stays disabled: {told(reasons)}")
