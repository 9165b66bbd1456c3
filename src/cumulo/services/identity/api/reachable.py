"""Lists of the projects and domains on which a user has a role."""

from typing import Any

from cumulo.core.http import Ctx, Response
from cumulo.core.resource import GLOBAL, Resource
from cumulo.core.resource.listing import Through, list_response
from cumulo.services.identity.domain.reachable import reachable_domains, reachable_projects
from cumulo.services.identity.model import Domain, Project
from cumulo.services.identity.schema.projects import DomainView, ProjectView

_projects = Resource("project", "/projects", model=Project, view=ProjectView, scope=GLOBAL)
_domains = Resource("domain", "/domains", model=Domain, view=DomainView, scope=GLOBAL)


async def list_projects_of(ctx: Ctx, user_id: str, *where: Any) -> Response:
    """List those of the projects on which the user has a role for which `where` holds."""
    through = Through(reachable_projects(user_id).c.id, where)
    return await list_response(ctx, _projects, ProjectView, through)


async def list_domains_of(ctx: Ctx, user_id: str, *where: Any) -> Response:
    """List those of the domains on which the user has a role for which `where` holds."""
    through = Through(reachable_domains(user_id).c.id, where)
    return await list_response(ctx, _domains, DomainView, through)
