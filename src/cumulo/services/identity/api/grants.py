"""Who has which role where: the same five operations for each actor on each target."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from cumulo.core.auth import Rule
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import listed
from cumulo.services.identity.domain import roles as domain
from cumulo.services.identity.schema.projects import RoleView

grants = RouteSet()

Does = Callable[[Ctx, domain.Grant, str], Awaitable[Any]]


class Kind(msgspec.Struct, frozen=True):
    """One kind of actor on one kind of target."""

    actor: str
    target: str
    inherited: bool = False

    def grant(self, ctx: Ctx) -> domain.Grant:
        """Return the grant that the path names."""
        target_id = ctx.params.get(f"{self.target}_id", "all")
        return domain.Grant(
            self.actor, ctx.params[f"{self.actor}_id"], self.target, target_id, self.inherited
        )

    async def load(self, ctx: Ctx) -> Any:
        """Fetch what the path names, for the policy; what is missing is 404 before the policy is asked."""
        parts = await domain.grant_parts(ctx.db, self.grant(ctx))
        if "role_id" in ctx.params:
            parts["role"] = await domain.require_role(ctx.db, ctx.params["role_id"])
        return {"target": parts}

    def __str__(self) -> str:
        place = "the system" if self.target == "system" else f"a {self.target}"
        return f"a {self.actor} on {place}" + (" for the projects below" if self.inherited else "")


async def _list(ctx: Ctx, grant: domain.Grant, _role_id: str) -> Any:
    return await listed(ctx, "roles", RoleView, await domain.granted(ctx.db, grant))


async def _check(ctx: Ctx, grant: domain.Grant, role_id: str) -> None:
    await domain.require_grant(ctx.db, grant, role_id)


def _declare(kind: Kind) -> None:
    """Declare the operations for one kind of grant."""
    many, one = grant_paths(kind.actor, kind.target, inherited=kind.inherited)
    rules = _rules(kind.actor, kind.target)
    if kind.target == "domain" or not kind.inherited:  # Keystone lists no roles inherited from a project
        _route(kind, "GET", many, rule=rules["list"], does=_list, text="List the roles of {}.")
    _route(kind, "HEAD", one, rule=rules["look"], does=_check, text="Check a role of {}.")
    _route(kind, "GET", one, rule=rules["look"], does=_check, text="Show whether there is a role of {}.")
    _route(kind, "PUT", one, rule=rules["give"], does=domain.assign, text="Assign a role to {}.")
    _route(kind, "DELETE", one, rule=rules["take"], does=domain.unassign, text="Take a role from {}.")


def _route(kind: Kind, method: str, path: str, *, rule: Rule, does: Does, text: str) -> None:
    async def run(ctx: Ctx) -> Any:
        return await does(ctx, kind.grant(ctx), ctx.params.get("role_id", ""))

    run.__doc__ = text.format(kind)
    run.__name__ = run.__doc__.rstrip(".").lower().replace(" ", "_")
    grants.route(method, path, policy=rule, status=200 if does is _list else 204, load=kind.load)(run)


def grant_paths(actor: str, target: str, *, inherited: bool) -> tuple[str, str]:
    """Return the paths of an actor's roles on a target and of one of them, with the ids in braces."""
    place = "/system" if target == "system" else f"/{target}s/{{{target}_id}}"
    many = f"{place}/{actor}s/{{{actor}_id}}/roles"
    one = f"{many}/{{role_id}}"
    if inherited:
        return f"/OS-INHERIT{many}/inherited_to_projects", f"/OS-INHERIT{one}/inherited_to_projects"
    return many, one


def _rules(actor: str, target: str) -> dict[str, Rule]:
    if target != "system":
        look, give, take = policy.CHECK_GRANT, policy.CREATE_GRANT, policy.REVOKE_GRANT
        list_ = policy.LIST_GRANTS
    elif actor == "user":
        look, list_ = policy.CHECK_SYSTEM_GRANT_FOR_USER, policy.LIST_SYSTEM_GRANTS_FOR_USER
        give, take = policy.CREATE_SYSTEM_GRANT_FOR_USER, policy.REVOKE_SYSTEM_GRANT_FOR_USER
    else:
        look, list_ = policy.CHECK_SYSTEM_GRANT_FOR_GROUP, policy.LIST_SYSTEM_GRANTS_FOR_GROUP
        give, take = policy.CREATE_SYSTEM_GRANT_FOR_GROUP, policy.REVOKE_SYSTEM_GRANT_FOR_GROUP
    return {"list": list_, "look": look, "give": give, "take": take}


for _actor in ("user", "group"):
    for _target in ("project", "domain", "system"):
        _declare(Kind(_actor, _target))
    for _target in ("project", "domain"):
        _declare(Kind(_actor, _target, inherited=True))
