"""What of identity goes with a project: who may do what there, and the limits it has in all services."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cumulo.contracts.ownership import Owned, Stage
from cumulo.core.db import Reader
from cumulo.core.quota import QuotaLimit
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.delegations import end_trusts
from cumulo.services.identity.model import (
    AccessToken,
    ApplicationCredential,
    Assignment,
    Credential,
    Limit,
    ProjectEndpoint,
    ProjectEndpointGroup,
    RequestToken,
    Trust,
)


@dataclass(frozen=True)
class _Kind:
    """One kind: its table, the columns that tell two of a project apart, the column to call it by."""

    model: Any
    key: tuple[str, ...] = ("id",)
    name: str = ""
    project: str = "project_id"

    def of(self, project_id: str) -> tuple[Any, ...]:
        """Return the condition for a project's rows."""
        mine = (self.model.c[self.project] == project_id,)
        return (*mine, Assignment.c.target_type == "project") if self.model is Assignment else mine

    def id(self, row: Any) -> str:
        """Return what tells a row from the project's others."""
        return ":".join(str(getattr(row, name)) for name in self.key)


_KINDS: Mapping[str, _Kind] = {
    "role assignment": _Kind(
        Assignment, ("actor_type", "actor_id", "role_id", "inherited"), project="target_id"
    ),
    "application credential": _Kind(ApplicationCredential, name="name"),
    "credential": _Kind(Credential, name="type"),
    "trust": _Kind(Trust),
    "access token": _Kind(AccessToken),
    "request token": _Kind(RequestToken),
    "limit": _Kind(Limit),
    "endpoint filter": _Kind(ProjectEndpoint, ("endpoint_id",)),
    "endpoint group filter": _Kind(ProjectEndpointGroup, ("group_id",)),
    "quota": _Kind(QuotaLimit, ("service", "resource")),
}


class GrantsOwned:
    """Fulfils `cumulo.contracts.ownership.Ownership`."""

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return what is left of a project."""
        found = []
        for name, kind in _KINDS.items():
            for row in await db.all(kind.model, *kind.of(project_id)):
                called = str(getattr(row, kind.name)) if kind.name else ""
                found.append(Owned(stage=Stage.SETTINGS, kind=name, id=kind.id(row), name=called))
        return found

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Remove one; what was allowed by it is refused at once."""
        kind = _KINDS[thing.kind]
        c, parts = kind.model.c, zip(kind.key, thing.id.split(":"), strict=False)
        like = [c[name] == part for name, part in parts if name != "inherited"]
        for row in await work.db.all(kind.model, *kind.of(project_id), *like):
            if kind.id(row) != thing.id:
                continue
            if kind.model is Trust:
                await end_trusts(work.db, Trust.c.id == row.id)
            else:
                exactly = [c[name] == getattr(row, name) for name in kind.key]
                await work.db.delete(kind.model, *kind.of(project_id), *exactly)
            await changed(work.db)
