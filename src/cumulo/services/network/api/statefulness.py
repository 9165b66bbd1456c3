"""Whether new security groups are stateful that do not say."""

from typing import Annotated

from msgspec import UNSET, UnsetType

from cumulo.core.errors import Conflict, NotFound
from cumulo.core.http import Ctx
from cumulo.core.resource import Body, Computed, Filterable, Resource, Sortable, View
from cumulo.services.network import policy
from cumulo.services.network.api.agents import administrators
from cumulo.services.network.model import DefaultStatefulness
from cumulo.services.network.schema.standard import Name

_NAME = "security_groups_default_statefulness"


class SecurityGroupsDefaultStatefulnessNotFound(NotFound):
    """Default statefulness {id} could not be found."""


class SecurityGroupsDefaultStatefulnessExists(Conflict):
    """There is a default statefulness of {whose} already: {id}."""


class StatefulnessView(View, model=DefaultStatefulness):
    """A default as clients see it; of no project: everyone's."""

    id: Annotated[str, Filterable, Sortable]
    project_id: Annotated[str | None, Computed(lambda row, _: row.project_id or None), Filterable]
    stateful: Annotated[bool, Filterable, Sortable]


class StatefulnessCreate(Body, kw_only=True):
    """A new default: of a project, or of all that have none."""

    project_id: Name | None = None
    stateful: bool = True


class StatefulnessUpdate(Body):
    """A changed default."""

    stateful: bool | UnsetType = UNSET


defaults = Resource(
    _NAME,
    "/security-groups-default-statefulness",
    plural=_NAME,
    model=DefaultStatefulness,
    view=StatefulnessView,
    scope=administrators,
    missing=SecurityGroupsDefaultStatefulnessNotFound,
)
defaults.list(policy=policy.GET_STATEFULNESS)
defaults.show(policy=policy.GET_STATEFULNESS)
defaults.update(StatefulnessUpdate, policy=policy.UPDATE_STATEFULNESS)
defaults.delete(policy=policy.DELETE_STATEFULNESS, plain=True)


@defaults.create(policy=policy.CREATE_STATEFULNESS)
async def create(ctx: Ctx, body: StatefulnessCreate) -> DefaultStatefulness:
    """Say what new groups are that do not say themselves."""
    row = DefaultStatefulness(project_id=body.project_id or "", stateful=body.stateful)
    held = await ctx.db.one(DefaultStatefulness, DefaultStatefulness.c.project_id == row.project_id)
    if held is not None:
        raise SecurityGroupsDefaultStatefulnessExists(whose=body.project_id or "everyone", id=held.id)
    await ctx.db.insert(row)
    return row
