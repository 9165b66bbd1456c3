"""The first rows: what a cloud needs before anyone can log in. Running it again adds only what is missing."""

from collections.abc import Sequence

import msgspec

from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.lineage import plant
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import (
    DEFAULT_DOMAIN,
    SYSTEM,
    Assignment,
    CatalogService,
    Domain,
    Endpoint,
    Implication,
    Project,
    Region,
    Role,
    User,
)

ROLES = ("admin", "manager", "member", "reader", "service")
IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
INTERFACES = ("public", "internal", "admin")


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A service of the catalog with its URL, which may hold `$(project_id)s`."""

    type: str
    name: str
    url: str
    description: str = ""


class Founding(msgspec.Struct, frozen=True, kw_only=True):
    """How to found a cloud. The password is the administrator's, and is used only when there is none yet."""

    password: str
    region: str = "RegionOne"
    services: Sequence[CatalogEntry] = ()


async def bootstrap(work: Work, settings: Founding) -> None:
    """Make the default domain, the administrator, the roles and the catalog, as far as they are missing.

    A service that is there already keeps its row; its endpoints in the region get the URLs given here.
    """
    db = work.db
    if await db.get(Domain, DEFAULT_DOMAIN) is None:
        await db.insert(Domain(id=DEFAULT_DOMAIN, name="Default", description="The default domain"))
    roles = await _roles(work)
    admin = await _project(work, "admin", "The administrators' project")
    await _project(work, "service", "The project of services")
    user_id = await _administrator(work, settings.password, admin)
    for target_type, target_id in (("project", admin.id), (SYSTEM, "all")):
        key = ("user", user_id, target_type, target_id, roles["admin"], False)
        if await db.get(Assignment, key) is None:
            row = Assignment(
                actor_type="user",
                actor_id=user_id,
                target_type=target_type,
                target_id=target_id,
                role_id=roles["admin"],
            )
            await db.insert(row)
    if await db.get(Region, settings.region) is None:
        await db.insert(Region(id=settings.region))
    for entry in settings.services:
        await _entry(work, entry, settings.region)
    await changed(db)


async def _roles(work: Work) -> dict[str, str]:
    db = work.db
    known = {role.name: role.id for role in await db.all(Role, Role.c.domain_id.is_(None))}
    for name in ROLES:
        if name not in known:
            role = Role(name=name)
            await db.insert(role)
            known[name] = role.id
    for prior, implied in IMPLIED:
        if await db.get(Implication, (known[prior], known[implied])) is None:
            await db.insert(Implication(prior_id=known[prior], implied_id=known[implied]))
    return known


async def _project(work: Work, name: str, description: str) -> Project:
    where = (Project.c.domain_id == DEFAULT_DOMAIN, Project.c.name == name)
    project = await work.db.one(Project, *where)
    if project is None:
        project = Project(
            name=name, description=description, domain_id=DEFAULT_DOMAIN, parent_id=DEFAULT_DOMAIN
        )
        await plant(work.db, project)
    return project


async def _administrator(work: Work, password: str, project: Project) -> str:
    user = await work.db.one(User, User.c.domain_id == DEFAULT_DOMAIN, User.c.name == "admin")
    if user is None:
        # Once in a cloud's life and before it serves anyone: no one waits for this transaction.
        hashed = await work.use(Passwords).hash(password)
        user = User(
            name="admin", domain_id=DEFAULT_DOMAIN, password_hash=hashed, default_project_id=project.id
        )
        await work.db.insert(user)
    return user.id


async def _entry(work: Work, entry: CatalogEntry, region: str) -> None:
    db = work.db
    where = (CatalogService.c.type == entry.type, CatalogService.c.name == entry.name)
    service = await db.one(CatalogService, *where)
    if service is None:
        service = CatalogService(type=entry.type, name=entry.name, description=entry.description)
        await db.insert(service)
    for interface in INTERFACES:
        c = Endpoint.c
        found = await db.one(
            Endpoint, c.service_id == service.id, c.region_id == region, c.interface == interface
        )
        if found is None:
            made = Endpoint(service_id=service.id, region_id=region, interface=interface, url=entry.url)
            await db.insert(made)
        elif found.url != entry.url:
            found.url = entry.url
            await db.save(found, "url")
