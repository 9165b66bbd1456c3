"""What there is to purge: which projects, and what of them is left in which service."""

from collections.abc import Iterable

import msgspec

from cumulo.contracts.ownership import Owned, Owners, Stage
from cumulo.core.db import Reader
from cumulo.services.identity.domain import projects
from cumulo.services.identity.domain.lineage import subtree
from cumulo.services.identity.domain.options import check_deletable
from cumulo.services.identity.errors import DomainPurged, ProjectsBelow
from cumulo.services.identity.model import Domain, Project


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of a project in a service."""

    service: str
    project_id: str
    thing: Owned

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from every other."""
        return (self.service, self.project_id, self.thing.kind, self.thing.id)

    def __str__(self) -> str:
        """Return it in words, such as `port web (1234)`."""
        named = f"{self.thing.kind} {self.thing.name}".rstrip()
        return f"{named} ({self.thing.id})"

    def shape(self) -> dict[str, object]:
        """Return it as the API shows it."""
        thing = self.thing
        told = {"stage": thing.stage.name.lower(), "kind": thing.kind, "id": thing.id, "name": thing.name}
        return {"service": self.service, "project_id": self.project_id, **told, "leaving": thing.leaving}


async def left(
    db: Reader, owners: Owners, project_ids: Iterable[str], stages: Iterable[Stage]
) -> list[Finding]:
    """Return what is left of projects, in the order in which it must go."""
    found = [
        Finding(service=name, project_id=project_id, thing=thing)
        for project_id in project_ids
        for name, owner in owners.by_service.items()
        for thing in await owner.owned(db, project_id)
    ]
    wanted = frozenset(stages)
    return sorted((each for each in found if each.thing.stage in wanted), key=lambda each: each.thing.stage)


async def purgeable(db: Reader, project_id: str, *, recursive: bool) -> list[Project]:
    """Return the projects that a purge is about, the topmost first.

    Raises ProjectNotFound, DomainPurged, ProjectsBelow unless recursive, Immutable.
    """
    if await db.get(Domain, project_id) is not None:
        raise DomainPurged(id=project_id)
    project = await projects.require_project(db, project_id)
    below = await subtree(db, project)
    if below and not recursive:
        names = ", ".join(row.name for row in below)
        raise ProjectsBelow(id=project_id, names=names)
    for row in (project, *below):
        check_deletable("project", row)
    return [project, *below]
