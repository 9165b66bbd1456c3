"""Logs of security groups: for administrators, who read them on the hosts."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Filterable, Sortable
from cumulo.services.network import policy
from cumulo.services.network.api.agents import administrators
from cumulo.services.network.api.ownership import columns, owner
from cumulo.services.network.api.standard import StandardResource
from cumulo.services.network.domain import logs as domain
from cumulo.services.network.errors.extras import LogResourceNotFound
from cumulo.services.network.model import Log
from cumulo.services.network.schema.standard import Described, Redescribed, StandardView


class LogView(StandardView, model=Log):
    """A log as clients see it."""

    name: Annotated[str, Filterable, Sortable]
    resource_type: Annotated[str, Filterable, Sortable]
    resource_id: Annotated[str | None, Filterable, Sortable]
    target_id: Annotated[str | None, Filterable, Sortable]
    event: Annotated[str, Filterable, Sortable]
    enabled: Annotated[bool, Filterable, Sortable]


class LogCreate(Described, kw_only=True):
    """A new log."""

    resource_type: str
    resource_id: str | None = None
    target_id: str | None = None
    event: Literal["ALL", "ACCEPT", "DROP"] = "ALL"
    enabled: bool = True


class LogUpdate(Redescribed):
    """A changed log."""

    enabled: bool | UnsetType = UNSET


logs = StandardResource(
    "log", "/log/logs", model=Log, view=LogView, scope=administrators, missing=LogResourceNotFound
)
logs.list(policy=policy.GET_LOG)
logs.show(policy=policy.GET_LOG)


@logs.create(policy=policy.CREATE_LOG)
async def create(ctx: Ctx, body: LogCreate) -> Log:
    """Have hosts write down what security groups do."""
    return await domain.create(ctx, owner(ctx, body), columns(body))


@logs.update(policy=policy.UPDATE_LOG)
async def update(ctx: Ctx, row: Log, body: LogUpdate) -> Log:
    """Rename or describe a log, or switch it on or off."""
    return await domain.update(ctx, row, columns(body))


@logs.delete(policy=policy.DELETE_LOG)
async def delete(ctx: Ctx, row: Log) -> None:
    """Write down no longer."""
    await domain.delete(ctx, row)


routes = RouteSet()


@routes.route("GET", "/log/loggable-resources", policy=policy.GET_LOGGABLE)
async def loggable(ctx: Ctx) -> dict[str, Any]:
    """List what can be logged."""
    del ctx
    return {"loggable_resources": [{"type": domain.KIND}]}
