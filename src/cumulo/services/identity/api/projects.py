"""Domains and projects."""

from typing import Any

from sqlalchemy import String, and_, cast, or_

from cumulo.core.errors import Invalid
from cumulo.core.http import Ctx
from cumulo.core.resource import Resource
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import in_sight, links
from cumulo.services.identity.api.users import home_domain
from cumulo.services.identity.domain import projects as domain
from cumulo.services.identity.errors import DomainNotFound, ProjectNotFound, TagNotFound
from cumulo.services.identity.model import Domain, Project
from cumulo.services.identity.schema.people import with_extra
from cumulo.services.identity.schema.projects import (
    DomainCreate,
    DomainUpdate,
    DomainView,
    ProjectCreate,
    ProjectUpdate,
    ProjectView,
    Tags,
)


def _own_domain(ctx: Ctx, model: Any) -> Any:
    """Scope: when listing with a domain's token, that domain only, unless for an administrator."""
    identity = ctx.identity
    limited = ctx.operation.lists and identity.domain_id is not None and not identity.is_admin
    return (model.c.id == identity.domain_id,) if limited else ()


domains = Resource(
    "domain", "/domains", model=Domain, view=DomainView, scope=_own_domain, missing=DomainNotFound
)
domains.list(policy=policy.LIST_DOMAINS)
domains.show(policy=policy.GET_DOMAIN)


@domains.create(policy=policy.CREATE_DOMAIN)
async def create_domain(ctx: Ctx, body: DomainCreate) -> Domain:
    """Create a domain."""
    values = with_extra(None, body.given()) | {"description": body.description or ""}
    chosen = values.pop("explicit_domain_id")
    return await domain.create_domain(ctx, Domain(**values | ({"id": chosen} if chosen else {})))


@domains.update(policy=policy.UPDATE_DOMAIN)
async def update_domain(ctx: Ctx, row: Domain, body: DomainUpdate) -> Domain:
    """Change a domain; disabling it stops all its users and projects."""
    return await domain.update_domain(ctx, row, with_extra(row, body.given()))


@domains.delete(policy=policy.DELETE_DOMAIN)
async def delete_domain(ctx: Ctx, row: Domain) -> None:
    """Delete a disabled domain with everything in it."""
    await domain.delete_domain(ctx, row)


def _new_project(ctx: Ctx) -> dict[str, Any]:
    return {"target": {"project": {"domain_id": home_domain(ctx, ctx.body.domain_id)}}}


projects = Resource(
    "project",
    "/projects",
    model=Project,
    view=ProjectView,
    scope=in_sight,
    missing=ProjectNotFound,
    target=_new_project,
)
projects.list(policy=policy.LIST_PROJECTS)
projects.show(policy=policy.GET_PROJECT)


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
        raise Invalid("A project that acts as a domain is made as a domain.")
    where = home_domain(ctx, body.domain_id)
    values = with_extra(None, body.given()) | {"domain_id": where, "parent_id": body.parent_id or where}
    del values["is_domain"]
    return await domain.create_project(ctx, Project(**values | {"description": body.description or ""}))


@projects.update(policy=policy.UPDATE_PROJECT)
async def update_project(ctx: Ctx, project: Project, body: ProjectUpdate) -> Project:
    """Change a project; the tokens of a disabled one are refused at once."""
    return await domain.update_project(ctx, project, with_extra(project, body.given()))


@projects.delete(policy=policy.DELETE_PROJECT)
async def delete_project(ctx: Ctx, project: Project) -> None:
    """Delete a project."""
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
