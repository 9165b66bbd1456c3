"""Who has which role where: the same five operations for each actor on each target, and the list of all."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from cumulo.core.auth import Rule
from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, RouteSet
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import flag, links, listed
from cumulo.services.identity.domain import assignments
from cumulo.services.identity.domain import roles as domain
from cumulo.services.identity.domain.projects import require_project, subtree
from cumulo.services.identity.model import Domain, Group, Project, Role, User
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
    many, one = _paths(kind.actor, kind.target, inherited=kind.inherited)
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


def _paths(actor: str, target: str, *, inherited: bool) -> tuple[str, str]:
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


@grants.route("GET", "/role_assignments", policy=policy.LIST_ROLE_ASSIGNMENTS)
async def list_role_assignments(ctx: Ctx) -> dict[str, Any]:
    """List role assignments, as they are stored or, with `effective`, as they take effect."""
    first = ctx.request.first
    wanted = assignments.Wanted(
        role_id=first("role.id"),
        user_id=first("user.id"),
        group_id=first("group.id"),
        project_id=first("scope.project.id"),
        domain_id=first("scope.domain.id"),
        system=flag(ctx, "scope.system"),
        inherited=True if first("scope.OS-INHERIT:inherited_to") == "projects" else None,
    )
    held = await assignments.list_assignments(ctx.db, wanted, effective=flag(ctx, "effective"))
    if flag(ctx, "include_subtree"):
        ctx.authorise(policy.LIST_ASSIGNMENTS_FOR_TREE)
        held += await _below(ctx, wanted)
    names = await _names(ctx) if flag(ctx, "include_names") else None
    shapes = [_shape(ctx, each, names) for each in await _visible(ctx, held)]
    return {"role_assignments": shapes, **links(ctx, "role_assignments")}


async def _below(ctx: Ctx, wanted: assignments.Wanted) -> list[assignments.Held]:
    """Return what is assigned on the projects below the one that is asked for."""
    if wanted.project_id is None:
        raise Invalid("include_subtree needs scope.project.id.")
    effective, found = flag(ctx, "effective"), []
    project = await require_project(ctx.db, wanted.project_id)
    for each in await subtree(ctx.db, project):
        below = msgspec.structs.replace(wanted, project_id=each.id)
        found += await assignments.list_assignments(ctx.db, below, effective=effective)
    return found


async def _visible(ctx: Ctx, held: list[assignments.Held]) -> list[assignments.Held]:
    """Leave only what lies in the token's domain, for a domain's own people."""
    home = ctx.identity.domain_id
    if home is None or ctx.identity.is_admin:
        return held
    inside = {row.id for row in await ctx.db.all(Project, Project.c.domain_id == home)} | {home}
    return [each for each in held if each.target_id in inside]


Names = dict[tuple[str, str], dict[str, Any]]


async def _names(ctx: Ctx) -> Names:
    """Return what to show besides its id of everything that an assignment may name."""
    homes = {row.id: {"id": row.id, "name": row.name} for row in await ctx.db.all(Domain)}
    names: Names = {("domain", id_): {"name": home["name"]} for id_, home in homes.items()}
    kinds: tuple[tuple[str, Any], ...] = (("user", User), ("group", Group), ("project", Project))
    for kind, model in kinds:
        for row in await ctx.db.all(model):
            names[kind, row.id] = {"name": row.name, "domain": homes[row.domain_id]}
    for role in await ctx.db.all(Role):
        names["role", role.id] = {"name": role.name}
        if role.domain_id is not None:
            names["role", role.id]["domain"] = homes[role.domain_id]
    return names


def _shape(ctx: Ctx, held: assignments.Held, names: Names | None) -> dict[str, Any]:
    def named(kind: str, id_: str) -> dict[str, Any]:
        return {"id": id_, **(names or {}).get((kind, id_), {})}

    scope: dict[str, Any] = {"system": {"all": True}}
    if held.target_type != "system":
        scope = {held.target_type: named(held.target_type, held.target_id)}
    if held.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {
        "role": named("role", held.role_id),
        held.actor_type: named(held.actor_type, held.actor_id),
        "scope": scope,
        "links": _links(ctx, held),
    }


def _links(ctx: Ctx, held: assignments.Held) -> dict[str, str]:
    source = held.source
    _many, one = _paths(source.actor_type, source.target_type, inherited=source.inherited)
    path = one.format(
        **{f"{source.target_type}_id": source.target_id, f"{source.actor_type}_id": source.actor_id},
        role_id=source.role_id,
    )
    found = {"assignment": f"{ctx.base_url}{path}"}
    if source.actor_type == "group" and held.actor_type == "user":
        found["membership"] = f"{ctx.base_url}/groups/{source.actor_id}/users/{held.actor_id}"
    if source.role_id != held.role_id:
        found["prior_role"] = f"{ctx.base_url}/prior_roles/{source.role_id}/implies/{held.role_id}"
    return found
