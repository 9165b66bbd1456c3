"""What the scheduler would say of a server that nobody has asked for: host by host, and promising nothing."""

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET

from cumulo.contracts.placement import Demand, Placement
from cumulo.core import ids
from cumulo.core.http import Ctx
from cumulo.services.compute import guests, hardware, scheduler, wishes
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain import creation, groups
from cumulo.services.compute.domain.hosts import find_host
from cumulo.services.compute.model import Server
from cumulo.services.compute.schema.schedule import Question


async def explain(ctx: Ctx, question: Question) -> dict[str, Any]:
    """Return each host with the measures that rank it, or with the filter that refuses it and why."""
    flavor = await creation.flavor_of(ctx, question.flavor)
    image = None if question.image is UNSET else await creation.image_of(ctx, question.image)
    if isinstance(question.host, str):
        await find_host(ctx.db, question.host)
    project_id = question.project_id or ctx.identity.project_id or ""
    hints = {} if question.hints is UNSET else await groups.checked(ctx, _raw(question.hints), project_id)
    properties = creation.kept(image.properties) if image is not None else {}
    hardware.of(creation.embedded(flavor), properties)  # Unshapeable, as a server's creation is
    server = Server(
        id=ids.dashed(),
        project_id=project_id,
        user_id=ctx.identity.user_id or "",
        name="",
        image_id=image.id if image is not None else None,
        image_properties=_raw(properties),
        flavor_id=flavor.id,
        **guests.sized(creation.embedded(flavor), from_volume=question.boots_from_volume),
        requested_zone=question.zone or None,
        scheduler_hints=_raw(hints),
        group_id=str(hints["group"]) if "group" in hints else None,
    )
    wanted = await wishes.of(ctx.db, server, host=question.host or None)
    wanted = replace(wanted, demands=guests.groups_of(server))
    found = await scheduler.survey(ctx.db, ctx.use(Placement), ctx.use(ComputeSettings), wanted)
    return {
        "resources": dict(wanted.resources),
        "traits": {"required": sorted(wanted.required), "forbidden": sorted(wanted.forbidden)},
        "groups": [_group(demand) for demand in wanted.demands],
        "filters": [scheduler.ROOM, *(scheduler.name_of(check) for check in scheduler.FILTERS)],
        "hosts": [_fit(wanted, offer) for offer in found.fit] + [_refused(one) for one in found.refused],
        "conclusion": f"The server would go to {found.fit[0].host.host}."
        if found.fit
        else scheduler.sentence(wanted, [one.refusal for one in found.refused]),
    }


def _group(demand: Demand) -> dict[str, Any]:
    return {
        "name": demand.id,
        "resources": demand.resources,
        "required": sorted(demand.required),
        "forbidden": sorted(demand.forbidden),
        "apart": demand.apart,
    }


def _fit(wanted: scheduler.Wanted, offer: scheduler.Offer) -> dict[str, Any]:
    return {
        "host": offer.host.host,
        "fits": True,
        "weight": round(scheduler.weigh(offer), 6),
        "affinity": scheduler.affinity(wanted, offer),
        "free_share": {name: round(offer.free(name), 6) for _, name in scheduler.WEIGHERS},
        "free": dict(offer.candidate.free),
    }


def _refused(one: scheduler.Refused) -> dict[str, Any]:
    return {
        "host": one.refusal.name,
        "fits": False,
        "filter": one.filter,
        "reason": f"{one.refusal.name} {one.refusal.reason}",
    }


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
