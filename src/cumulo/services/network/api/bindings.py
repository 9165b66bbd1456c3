"""A port's bindings: the host that has it, and one that is to take it over.

The second is noted in the binding profile, where compute's live migration notes it, too: its host is let
claim the port once the guest there announces itself.
"""

from typing import Any

from msgspec import UNSET, UnsetType

from cumulo.core.errors import Conflict, NotFound
from cumulo.core.http import Ctx
from cumulo.core.resource import Body
from cumulo.services.network import policy
from cumulo.services.network.api.ports import ports
from cumulo.services.network.domain import ports as domain
from cumulo.services.network.model import Port
from cumulo.services.network.model.networks import EXPECTED


class PortBindingNotFound(NotFound):
    """Port {port_id} has no binding for host {host}."""


class PortBindingAlreadyExists(Conflict):
    """Port {port_id} has a binding for host {host} already."""


class PortBindingAlreadyActive(Conflict):
    """Port {port_id} is bound to host {host} already."""


class BindingBody(Body, kw_only=True):
    """A host that is to take a port over."""

    host: str
    vnic_type: str | UnsetType = UNSET
    profile: dict[str, Any] | UnsetType = UNSET


def bindings(port: Port) -> list[dict[str, Any]]:
    """Return a port's bindings as clients see them."""
    hosts = [(port.host, "ACTIVE"), (str(port.profile.get(EXPECTED) or ""), "INACTIVE")]
    return [
        {
            "host": host,
            "status": status,
            "vif_type": "ovs",
            "vif_details": {"port_filter": True, "connectivity": "l2"},
            "vnic_type": port.vnic_type,
            "profile": {name: value for name, value in port.profile.items() if name != EXPECTED},
            "project_id": port.project_id,
        }
        for host, status in hosts
        if host
    ]


def one(port: Port, host: str) -> dict[str, Any]:
    """Return the binding for a host. PortBindingNotFound."""
    found = next((each for each in bindings(port) if each["host"] == host), None)
    if found is None:
        raise PortBindingNotFound(port_id=port.id, host=host)
    return found


def without_expected(port: Port) -> dict[str, Any]:
    """Return a port's profile without the host that is to take it over."""
    return {name: value for name, value in port.profile.items() if name != EXPECTED}


@ports.member("GET", "/bindings", policy=policy.GET_BINDING)
async def listed(ctx: Ctx, port: Port) -> Any:
    """List a port's bindings."""
    asked = {name: values for name, values in ctx.request.query.items() if name in ("host", "status")}
    shown = [b for b in bindings(port) if all(b[name] in values for name, values in asked.items())]
    return {"bindings": shown}


@ports.member("POST", "/bindings", policy=policy.CREATE_BINDING, envelope="binding", status=201)
async def create(ctx: Ctx, port: Port, body: BindingBody) -> Any:
    """Let a host take a port over; a port without a host is bound to it at once."""
    if any(each["host"] == body.host for each in bindings(port)):
        raise PortBindingAlreadyExists(port_id=port.id, host=body.host)
    given = {} if body.profile is UNSET else body.profile
    if port.host:
        values: dict[str, Any] = {"profile": port.profile | given | {EXPECTED: body.host}}
    else:
        values = {"host": body.host, "profile": port.profile | given}
    await domain.update(ctx, port, values)
    return {"binding": one(port, body.host)}


@ports.member("PUT", "/bindings/{host}/activate", policy=policy.ACTIVATE_BINDING)
async def activate(ctx: Ctx, port: Port, host: str) -> Any:
    """Have a host take a port over now: the other has it no longer."""
    if one(port, host)["status"] == "ACTIVE":
        raise PortBindingAlreadyActive(port_id=port.id, host=host)
    before = port.host
    await domain.update(ctx, port, {"host": host, "profile": port.profile | {EXPECTED: before}})
    return {"binding": one(port, host)}


@ports.member("DELETE", "/bindings/{host}", policy=policy.DELETE_BINDING, status=204)
async def delete(ctx: Ctx, port: Port, host: str) -> None:
    """Let a host have a port no longer."""
    gone = {"host": ""} if one(port, host)["status"] == "ACTIVE" else {"profile": without_expected(port)}
    await domain.update(ctx, port, gone)
