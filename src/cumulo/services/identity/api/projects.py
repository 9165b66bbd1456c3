"""Domains and projects."""

from typing import Any

from sqlalchemy import String, and_, cast, or_

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.resource import Resource
from cumulo.core.resource.listing import list_response
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import flag, in_sight, links
from cumulo.services.identity.api.users import home_domain
from cumulo.services.identity.domain import projects as domain
from cumulo.services.identity.domain.lineage import ancestors, subtree
from cumulo.services.identity.domain.options import check_deletable, with_options
from cumulo.services.identity.errors import DomainNotFound, ProjectNotFound, TagNotFound
from cumulo.services.identity.model import Domain, Project
from cumulo.services.identity.schema.people import with_extra
from cumulo.services.identity.schema.projects import (
    ActingProjectView,
    DomainCreate,
    DomainUpdate,
    DomainView,
    ProjectCreate,
    ProjectUpdate,
    ProjectView,
    Tags,
)


def _own_domain(ctx: Ctx, model: Any) -> Any:
    """Scope: when listing with a domain's token, that domain only."""
    identity = ctx.identity
    listed = "domain_id" not in ctx.params and identity.domain_id is not None
    return (model.c.id == identity.domain_id,) if listed else ()


domains = Resource(
    "domain", "/domains", model=Domain, view=DomainView, scope=_own_domain, missing=DomainNotFound
)
domains.show(policy=policy.GET_DOMAIN)


@domains.create(policy=policy.CREATE_DOMAIN)
async def create_domain(ctx: Ctx, body: DomainCreate) -> Domain:
    """Create a domain."""
    given = with_options("domain", None, body.given())
    values = with_extra(None, given) | {"description": body.description or ""}
    chosen = values.pop("explicit_domain_id")
    return await domain.create_domain(ctx, Domain(**values | ({"id": chosen} if chosen else {})))


@domains.update(policy=policy.UPDATE_DOMAIN)
async def update_domain(ctx: Ctx, row: Domain, body: DomainUpdate) -> Domain:
    """Change a domain; disabling it stops all its users and projects."""
    return await domain.update_domain(ctx, row, _changes("domain", row, body))


def _changes(kind: str, row: Domain | Project, body: DomainUpdate | ProjectUpdate) -> dict[str, Any]:
    return with_extra(row, with_options(kind, row, body.given()))


@domains.delete(policy=policy.DELETE_DOMAIN)
async def delete_domain(ctx: Ctx, row: Domain) -> None:
    """Delete a disabled domain with everything in it."""
    check_deletable("domain", row)
    await domain.delete_domain(ctx, row)


def _new_project(ctx: Ctx) -> dict[str, Any]:
    return {"target": {"project": {"domain_id": home_domain(ctx, ctx.body.domain_id)}}}


class Projects(Resource):
    """Projects; a domain is one too, that acts as a domain, where it is asked for by its id."""

    async def load(self, ctx: Ctx) -> Project:
        """Fetch the project that the path names."""
        found = await ctx.db.get(Project, ctx.params[self.parameter])
        row = await ctx.db.get(Domain, ctx.params[self.parameter]) if found is None else None
        if row is not None and (ctx.identity.domain_id in (None, row.id) or ctx.identity.is_admin):
            return domain.as_project(row)
        within: Project = await super().load(ctx)
        return within


projects = Projects(
    "project",
    "/projects",
    model=Project,
    view=ProjectView,
    scope=in_sight,
    missing=ProjectNotFound,
    target=_new_project,
)
project_routes = RouteSet()


def _domain_of_token(ctx: Ctx) -> dict[str, Any]:
    return {"target": {"domain": {"id": ctx.identity.domain_id}}}


@project_routes.route("GET", domains.path, policy=policy.LIST_DOMAINS, target=_domain_of_token)
async def list_domains(ctx: Ctx) -> Response:
    """List domains."""
    return await list_response(ctx, domains, DomainView)


@projects.member("GET", "", policy=policy.GET_PROJECT)
async def show_project(ctx: Ctx, project: Project) -> dict[str, Any]:
    """Show a project; on demand with the projects above and below it, as a list or as ids."""
    shape = (await ProjectView.render(ctx, [project]))[0]
    for name, fetch in (("parents", ancestors), ("subtree", subtree)):
        as_list, as_ids = flag(ctx, f"{name}_as_list"), flag(ctx, f"{name}_as_ids")
        if as_list and as_ids:
            raise Invalid(f"Specify either {name}_as_list or {name}_as_ids, not both.")
        if not (as_list or as_ids):
            continue
        rows = [] if domain.acts_as_domain(project) else await fetch(ctx.db, project)
        if as_list:
            shape[name] = [{"project": each} for each in await ProjectView.render(ctx, rows)]
        elif name == "parents":
            shape[name] = domain.chained([row.id for row in rows])
        else:
            shape[name] = domain.branched(project.id, rows)
    return {"project": shape}


def _tagged(tag: str) -> Any:
    """Return the condition for projects with a tag: the tags are a JSON list of strings."""
    return cast(Project.c.tags, String).contains(f'"{tag}"', autoescape=True)


@projects.filter("tags")
def _with_all(_ctx: Ctx, value: str) -> Any:
    return and_(*[_tagged(tag) for tag in value.split(",")])


@projects.filter("tags-any")
def _with_any(_ctx: Ctx, value: str) -> Any:
    return or_(*[_tagged(tag) for tag in value.split(",")])


@projects.filter("not-tags")
def _without_all(_ctx: Ctx, value: str) -> Any:
    return ~and_(*[_tagged(tag) for tag in value.split(",")])


@projects.filter("not-tags-any")
def _without_any(_ctx: Ctx, value: str) -> Any:
    return ~or_(*[_tagged(tag) for tag in value.split(",")])


@projects.create(policy=policy.CREATE_PROJECT)
async def create_project(ctx: Ctx, body: ProjectCreate) -> Project:
    """Create a project."""
    if body.is_domain:
        return await _create_domain(ctx, body)
    where = home_domain(ctx, body.domain_id)
    given = with_options("project", None, body.given())
    values = with_extra(None, given) | {"domain_id": where, "parent_id": body.parent_id or where}
    del values["is_domain"]
    return await domain.create_project(ctx, Project(**values | {"description": body.description or ""}))


async def _create_domain(ctx: Ctx, body: ProjectCreate) -> Project:
    """Create a domain by the words for a project that acts as one."""
    if body.parent_id is not None or body.domain_id is not None:
        raise Invalid("A project that acts as a domain has neither a parent nor a domain.")
    ctx.authorise(policy.CREATE_DOMAIN)
    given = with_options("domain", None, body.given())
    values = with_extra(None, given) | {"description": body.description or ""}
    for name in ("is_domain", "parent_id", "domain_id"):
        values.pop(name, None)
    return domain.as_project(await domain.create_domain(ctx, Domain(**values)))


@project_routes.route("GET", projects.path, policy=policy.LIST_PROJECTS)
async def list_projects(ctx: Ctx) -> Response:
    """List projects; with `is_domain`, the domains as the projects that they act as."""
    if not flag(ctx, "is_domain"):
        return await list_response(ctx, projects, ProjectView)
    return await list_response(ctx, acting, ActingProjectView)


#: The domains, in the words for projects.
acting = Resource("project", "/projects", model=Domain, view=ActingProjectView, scope=_own_domain)


@projects.update(policy=policy.UPDATE_PROJECT)
async def update_project(ctx: Ctx, project: Project, body: ProjectUpdate) -> Project:
    """Change a project; the tokens of a disabled one are refused at once."""
    if domain.acts_as_domain(project):
        ctx.authorise(policy.UPDATE_DOMAIN)
        row = await domain.require_domain(ctx.db, project.id)
        return domain.as_project(await domain.update_domain(ctx, row, _changes("domain", row, body)))
    return await domain.update_project(ctx, project, _changes("project", project, body))


@projects.delete(policy=policy.DELETE_PROJECT)
async def delete_project(ctx: Ctx, project: Project) -> None:
    """Delete a project."""
    if domain.acts_as_domain(project):
        ctx.authorise(policy.DELETE_DOMAIN)
        row = await domain.require_domain(ctx.db, project.id)
        check_deletable("domain", row)
        await domain.delete_domain(ctx, row)
    else:
        check_deletable("project", project)
        await domain.delete_project(ctx, project)


@projects.member("GET", "/tags", policy=policy.LIST_PROJECT_TAGS)
async def list_tags(ctx: Ctx, project: Project) -> dict[str, Any]:
    """List a project's tags."""
    return {"tags": project.tags, **links(ctx, "tags")}


@projects.member("PUT", "/tags", policy=policy.UPDATE_PROJECT_TAGS)
async def replace_tags(ctx: Ctx, project: Project, body: Tags) -> dict[str, Any]:
    """Replace a project's tags."""
    await domain.update_project(ctx, project, {"tags": list(dict.fromkeys(body.tags))})
    return {"tags": project.tags, **links(ctx, "tags")}


@projects.member("DELETE", "/tags", policy=policy.DELETE_PROJECT_TAGS, status=204)
async def remove_tags(ctx: Ctx, project: Project) -> None:
    """Remove all of a project's tags."""
    await domain.update_project(ctx, project, {"tags": []})


@projects.member("GET", "/tags/{tag}", policy=policy.GET_PROJECT_TAG, status=204)
async def check_tag(ctx: Ctx, project: Project, tag: str) -> None:
    """Check that a project has a tag."""
    del ctx
    if tag not in project.tags:
        raise TagNotFound(id=tag)


@projects.member("PUT", "/tags/{tag}", policy=policy.CREATE_PROJECT_TAG, status=201)
async def add_tag(ctx: Ctx, project: Project, tag: str) -> None:
    """Add a tag to a project."""
    await domain.update_project(ctx, project, {"tags": list(dict.fromkeys([*project.tags, tag]))})


@projects.member("DELETE", "/tags/{tag}", policy=policy.DELETE_PROJECT_TAG, status=204)
async def remove_tag(ctx: Ctx, project: Project, tag: str) -> None:
    """Remove a tag from a project."""
    if tag not in project.tags:
        raise TagNotFound(id=tag)
    await domain.update_project(ctx, project, {"tags": [each for each in project.tags if each != tag]})
