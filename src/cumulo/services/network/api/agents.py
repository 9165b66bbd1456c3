"""Agents: hosts' ovn-controllers, as administrators see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy
from msgspec import UNSET, UnsetType

from cumulo.core.http import Ctx, RouteSet
from cumulo.core.resource import Body, Computed, Filterable, Resource, Sortable, Source, View
from cumulo.core.resource.query import as_bool
from cumulo.services.network import policy
from cumulo.services.network.api.ownership import columns
from cumulo.services.network.domain import agents as domain
from cumulo.services.network.errors import AgentNotFound
from cumulo.services.network.model import Agent
from cumulo.services.network.model.hosts import oldest
from cumulo.services.network.schema.standard import Name
from cumulo.services.network.schema.views import nothing

GATEWAY, PLAIN = "OVN Controller Gateway agent", "OVN Controller agent"


def configuration(row: Agent, page: Any) -> dict[str, Any]:
    """Show what is known of a host's settings."""
    del page
    return {
        "chassis_name": row.id,
        "gateway": row.gateway,
        "availability_zones": row.zones,
        "bridge_mappings": row.physical_networks,
        **promised(row),
    }


def promised(row: Agent) -> dict[str, Any]:
    """Show what may be promised of a host's network, by the names of its settings."""
    rates = row.capacity.get("packets", {})
    return {
        "resource_provider_bandwidths": {
            link["bridge"]: {way: link[way] for way in ("egress", "ingress")}
            for link in row.capacity.get("links", ())
        },
        "resource_provider_inventory_defaults": row.capacity.get("inventory", {}),
        "resource_provider_packet_processing_without_direction": rates.get("any"),
        "resource_provider_packet_processing_with_direction": {
            way: rates[way] for way in ("egress", "ingress") if way in rates
        },
    }


def program(row: Agent, page: Any) -> str:
    """Show what runs on the host."""
    del row, page
    return "ovn-controller"


def topic(row: Agent, page: Any) -> str:
    """Show that there is no queue: hosts follow OVN's database."""
    del row, page
    return "n/a"


class AgentView(View, model=Agent):
    """An agent as clients see it."""

    id: Annotated[str, Filterable, Sortable]
    agent_type: Annotated[str, Computed(lambda row, _: GATEWAY if row.gateway else PLAIN)]
    binary: Annotated[str, Computed(program)]
    topic: Annotated[str, Computed(topic)]
    host: Annotated[str, Filterable, Sortable]
    alive: Annotated[bool, Computed(lambda row, _: domain.alive(row))]
    admin_state_up: Annotated[bool, Filterable, Sortable]
    availability_zone: Annotated[str, Computed(lambda row, _: ", ".join(row.zones))]
    description: Annotated[str, Filterable]
    configurations: Annotated[dict[str, Any], Computed(configuration)]
    resources_synced: Annotated[None, Computed(nothing)]
    created_at: Annotated[datetime, Sortable]
    started_at: Annotated[datetime, Sortable]
    heartbeat_timestamp: Annotated[datetime, Source("heartbeat_at"), Sortable]


class AgentUpdate(Body):
    """A changed agent."""

    admin_state_up: bool | UnsetType = UNSET
    description: Name | UnsetType = UNSET


def administrators(ctx: Ctx, model: Any) -> Sequence[Any]:
    """Scope: all for administrators, nothing for others."""
    del model
    return () if ctx.identity.is_admin else (sqlalchemy.false(),)


agents = Resource(
    "agent", "/agents", model=Agent, view=AgentView, scope=administrators, missing=AgentNotFound
)
agents.list(policy=policy.GET_AGENT)
agents.show(policy=policy.GET_AGENT)


@agents.filter("agent_type")
def by_type(ctx: Ctx, value: str) -> Any:
    """Find agents by what they are."""
    del ctx
    return Agent.c.gateway.is_(value == GATEWAY) if value in (GATEWAY, PLAIN) else sqlalchemy.false()


@agents.filter("alive")
def by_life(ctx: Ctx, value: str) -> Any:
    """Find agents by whether they gave a sign of life."""
    del ctx
    limit = oldest()
    return Agent.c.heartbeat_at > limit if as_bool("alive", value) else Agent.c.heartbeat_at <= limit


@agents.filter("binary")
def by_binary(ctx: Ctx, value: str) -> Any:
    """Find agents by their program."""
    del ctx
    return None if value == "ovn-controller" else sqlalchemy.false()


@agents.update(policy=policy.UPDATE_AGENT)
async def update(ctx: Ctx, agent: Agent, body: AgentUpdate) -> Agent:
    """Describe an agent, or keep gateways away from its host."""
    return await domain.update(ctx, agent, columns(body))


@agents.delete(policy=policy.DELETE_AGENT)
async def delete(ctx: Ctx, agent: Agent) -> None:
    """Forget a host that is gone."""
    await domain.delete(ctx, agent)


routes = RouteSet()


@routes.route("GET", "/availability_zones", policy=policy.GET_ZONES)
async def zones(ctx: Ctx) -> dict[str, Any]:
    """List the availability zones that hosts are in, for networks and routers."""
    query = ctx.request.query
    shown = [
        {"name": name, "resource": resource, "state": "available" if open_ else "unavailable"}
        for name, open_ in (await domain.zones(ctx.db)).items()
        for resource in ("network", "router")
    ]
    asked = {name: values for name, values in query.items() if name in ("name", "resource", "state")}
    found = [zone for zone in shown if all(zone[name] in values for name, values in asked.items())]
    return {"availability_zones": found}
