"""Domains' own configuration."""

from typing import Any

from cumulo.core.http import Ctx, OpenBody, Response, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import configuration as domain

configuration = RouteSet()
_ALL = "/domains/{domain_id}/config"
_PLACES = {"a_domain": _ALL, "a_group": f"{_ALL}/{{group}}", "an_option": f"{_ALL}/{{group}}/{{option}}"}


class ConfigBody(OpenBody):
    """A configuration or a part of one."""

    config: dict[str, Any]


def _place(ctx: Ctx) -> tuple[str, str | None, str | None]:
    return ctx.params["domain_id"], ctx.params.get("group"), ctx.params.get("option")


@configuration.route("PUT", _ALL, policy=policy.CREATE_DOMAIN_CONFIG)
async def set_domain_config(ctx: Ctx, domain_id: str, body: ConfigBody) -> Response:
    """Set a domain's whole configuration."""
    fresh = await domain.replace(ctx, domain_id, body.config)
    return Response(201 if fresh else 200, {"config": await domain.show(ctx.db, domain_id)})


def _declare(name: str, path: str) -> None:
    async def show(ctx: Ctx) -> dict[str, Any]:
        return {"config": await domain.show(ctx.db, *_place(ctx))}

    async def change(ctx: Ctx, body: ConfigBody) -> dict[str, Any]:
        domain_id, group, option = _place(ctx)
        await domain.update(ctx, domain_id, group, option, body.config)
        return {"config": await domain.show(ctx.db, domain_id)}

    async def remove(ctx: Ctx) -> None:
        await domain.remove(ctx, *_place(ctx))

    told = name.replace("_", " ")
    rows: tuple[tuple[str, str, Any, Any, int], ...] = (
        ("GET", "Show", show, policy.GET_DOMAIN_CONFIG, 200),
        ("PATCH", "Change", change, policy.UPDATE_DOMAIN_CONFIG, 200),
        ("DELETE", "Delete", remove, policy.DELETE_DOMAIN_CONFIG, 204),
    )
    for method, verb, does, rule, status in rows:
        does.__name__ = f"{verb.lower()}_config_of_{name}"
        does.__doc__ = f"{verb} the configuration of {told}."
        configuration.route(method, path, policy=rule, status=status)(does)


for _name, _path in _PLACES.items():
    _declare(_name, _path)


@configuration.route("GET", f"{_ALL}/{domain.COMPLIANCE}", policy=policy.GET_SECURITY_COMPLIANCE)
async def show_compliance(ctx: Ctx) -> dict[str, Any]:
    """Show what users must know of the rules on passwords."""
    return {"config": domain.compliance(ctx.use(IdentitySettings))}


@configuration.route("GET", f"{_ALL}/{domain.COMPLIANCE}/{{option}}", policy=policy.GET_SECURITY_COMPLIANCE)
async def show_compliance_option(ctx: Ctx, option: str) -> dict[str, Any]:
    """Show one of the rules on passwords."""
    return {"config": domain.compliance(ctx.use(IdentitySettings), option)}


@configuration.route("GET", "/domains/config/default", policy=policy.GET_DOMAIN_CONFIG_DEFAULT)
async def show_default_config(ctx: Ctx) -> dict[str, Any]:
    """Show what domains have by default."""
    del ctx
    return {"config": domain.defaults()}


@configuration.route("GET", "/domains/config/{group}/default", policy=policy.GET_DOMAIN_CONFIG_DEFAULT)
async def show_default_group(ctx: Ctx, group: str) -> dict[str, Any]:
    """Show what domains have of a group by default."""
    del ctx
    return {"config": domain.defaults(group)}


@configuration.route(
    "GET", "/domains/config/{group}/{option}/default", policy=policy.GET_DOMAIN_CONFIG_DEFAULT
)
async def show_default_option(ctx: Ctx, group: str, option: str) -> dict[str, Any]:
    """Show what domains have of an option by default."""
    del ctx
    return {"config": domain.defaults(group, option)}
