"""The list of role assignments, as they are stored or as they take effect.

Keystone knows no limit for it, so without one it is whole; `limit` and `marker` are ours (the marker is
opaque: take it from `links.next`).
"""

from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Page, Response, RouteSet, identity_links
from cumulo.core.resource import as_int
from cumulo.core.resource.listing import STREAMED_PAGE, UnknownMarker, streamed
from cumulo.core.resource.view import Shape
from cumulo.services.identity import policy
from cumulo.services.identity.api.grants import grant_paths
from cumulo.services.identity.api.lists import flag
from cumulo.services.identity.domain import assignments as domain
from cumulo.services.identity.domain.projects import require_project
from cumulo.services.identity.model import Domain, Group, Project, Role, User

assignments = RouteSet()

_EXCLUSIVE = (
    ("scope.domain.id", "scope.project.id"),
    ("scope.system", "scope.domain.id"),
    ("scope.system", "scope.project.id"),
    ("user.id", "group.id"),
)


@assignments.route("GET", "/role_assignments", policy=policy.LIST_ROLE_ASSIGNMENTS)
async def list_role_assignments(ctx: Ctx) -> Response:
    """List role assignments, as they are stored or, with `effective`, as they take effect."""
    wanted = await _wanted(ctx)
    given = ctx.request.first("limit")
    limit = as_int("limit", given, least=1) if given else STREAMED_PAGE
    held, mark = await domain.list_assignments(ctx.db, wanted, limit, _marker(ctx))
    if mark is not None and not given:
        return streamed("role_assignments", _pages(ctx, wanted, held, mark), _links(ctx, None))
    shapes = await _shapes(ctx, held)
    return Response(200, {"role_assignments": shapes, **_links(ctx, mark)})


async def _pages(
    ctx: Ctx, wanted: domain.Wanted, held: list[domain.Held], mark: domain.Mark | None
) -> AsyncIterator[list[Shape]]:
    """Yield the pages from a first one on; each is read on its own."""
    while True:
        async with ctx.read() as ctx.reader:
            yield await _shapes(ctx, held)
            if mark is None:
                return
            held, mark = await domain.list_assignments(ctx.db, wanted, STREAMED_PAGE, mark)


async def _wanted(ctx: Ctx) -> domain.Wanted:
    """Read the query. Raises Invalid for filters that exclude each other, or can match nothing."""
    first, effective, system = ctx.request.first, flag(ctx, "effective"), flag(ctx, "scope.system")
    for one, other in _EXCLUSIVE:
        if first(one) and first(other):
            raise Invalid(f"Specify {one} or {other}, not both.")
    inherited_to = first("scope.OS-INHERIT:inherited_to")
    inherited = None if inherited_to is None else inherited_to == "projects"
    if effective and first("group.id"):
        raise Invalid("No group has a role in effect: effective and group.id exclude each other.")
    if effective and inherited and first("scope.domain.id"):
        raise Invalid("No domain inherits: effective, inherited_to and scope.domain.id exclude each other.")
    return domain.Wanted(
        role_id=first("role.id"),
        user_id=first("user.id"),
        group_id=first("group.id"),
        project_id=first("scope.project.id"),
        domain_id=first("scope.domain.id"),
        system=system,
        inherited=inherited,
        effective=effective,
        subtree=await _asks_for_subtree(ctx),
        within=ctx.identity.domain_id,
    )


async def _asks_for_subtree(ctx: Ctx) -> bool:
    """Say whether the projects below are asked for too, which has a rule of its own."""
    if not flag(ctx, "include_subtree"):
        return False
    project_id = ctx.request.first("scope.project.id")
    if not project_id:
        raise Invalid("scope.project.id must be specified if include_subtree is also specified.")
    project = await require_project(ctx.db, project_id)
    about = {"project": project, "domain_id": project.domain_id}
    ctx.authorise(policy.LIST_ASSIGNMENTS_FOR_TREE, {"target": about, **ctx.own()})
    return True


def _marker(ctx: Ctx) -> domain.Mark | None:
    text = ctx.request.first("marker")
    if not text:
        return None
    try:
        return domain.Mark.read(text)
    except ValueError as error:
        raise UnknownMarker(field="marker", value=text) from error


def _links(ctx: Ctx, mark: domain.Mark | None) -> dict[str, Any]:
    query = {name: values for name, values in ctx.request.query.items() if name != "marker"}
    url = ctx.root_url + ctx.request.path
    following = None if mark is None else mark.text()
    return identity_links(Page(url=url, query=query, collection="role_assignments", next_marker=following))


Names = dict[tuple[str, str], dict[str, Any]]


async def _shapes(ctx: Ctx, held: list[domain.Held]) -> list[Shape]:
    names = await _names(ctx, held) if flag(ctx, "include_names") else {}
    return [_shape(ctx.base_url, each, names) for each in held]


async def _names(ctx: Ctx, held: list[domain.Held]) -> Names:
    """Return what to show besides its id of everything that a page of assignments names."""
    ids: dict[str, set[str]] = {"role": {each.role_id for each in held}}
    for each in held:
        ids.setdefault(each.actor_type, set()).add(each.actor_id)
        ids.setdefault(each.target_type, set()).add(each.target_id)
    rows: dict[str, list[Any]] = {}
    kinds: dict[str, Any] = {"user": User, "group": Group, "project": Project, "role": Role}
    for kind, model in kinds.items():
        c = model.c
        rows[kind] = await _named(ctx, (c.id, c.name, c.domain_id), ids.get(kind, set()))
    homes = ids.get("domain", set()) | {home for found in rows.values() for _id, _name, home in found if home}
    known = dict(await _named(ctx, (Domain.c.id, Domain.c.name), homes))
    names: Names = {("domain", key): {"name": name} for key, name in known.items()}
    for kind, found in rows.items():
        for key, name, home in found:
            names[kind, key] = {"name": name}
            if home is not None:
                names[kind, key]["domain"] = {"id": home, "name": known.get(home)}
    return names


async def _named(ctx: Ctx, columns: tuple[Any, ...], ids: set[str]) -> list[Any]:
    if not ids:
        return []
    return await ctx.db.rows(sqlalchemy.select(*columns).where(columns[0].in_(sorted(ids))))


def _shape(base_url: str, held: domain.Held, names: Names) -> Shape:
    scope: dict[str, Any] = {"system": {"all": True}}
    if held.target_type != "system":
        scope = {held.target_type: _entry(names, held.target_type, held.target_id)}
    if held.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return {
        "role": _entry(names, "role", held.role_id),
        held.actor_type: _entry(names, held.actor_type, held.actor_id),
        "scope": scope,
        "links": _sources(base_url, held),
    }


def _entry(names: Names, kind: str, id: str) -> dict[str, Any]:
    return {"id": id, **names[kind, id]} if (kind, id) in names else {"id": id}


def _path(actor: str, target: str, *, inherited: bool) -> str:
    """Return the path of a grant with `{actor}`, `{target}` and `{role}` in it."""
    _many, one = grant_paths(actor, target, inherited=inherited)
    names = {f"{actor}_id": "{actor}", f"{target}_id": "{target}", "role_id": "{role}"}
    return one.format(**names)


_PATHS = {
    (actor, target, inherited): _path(actor, target, inherited=inherited)
    for actor in ("user", "group")
    for target in ("project", "domain", "system")
    for inherited in (False, True)
}


def _sources(base_url: str, held: domain.Held) -> dict[str, str]:
    """Return where the assignment, the membership and the implication are that it stems from."""
    source = held.source
    path = _PATHS[source.actor_type, source.target_type, source.inherited].format(
        target=source.target_id, actor=source.actor_id, role=source.role_id
    )
    found = {"assignment": base_url + path}
    if source.actor_type == "group" and held.actor_type == "user":
        found["membership"] = f"{base_url}/groups/{source.actor_id}/users/{held.actor_id}"
    if source.role_id != held.role_id:
        found["prior_role"] = f"{base_url}/prior_roles/{source.role_id}/implies/{held.role_id}"
    return found
