"""Users and groups. Passwords are hashed before a transaction is opened, never inside it."""

from typing import Any

from cumulo.core.http import Ctx, Response, RouteSet
from cumulo.core.resource import Resource
from cumulo.core.resource.listing import Through, list_response
from cumulo.services.identity import policy
from cumulo.services.identity.api.lists import in_sight, shown
from cumulo.services.identity.api.reachable import list_projects_of
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain import people
from cumulo.services.identity.domain.login import blame, note_failure, usable_hash
from cumulo.services.identity.domain.passwords import (
    check_change,
    check_form,
    check_history,
    expiry,
    is_locked_out,
    merged_options,
    remember,
    succeeded,
)
from cumulo.services.identity.errors import GroupNotFound, UserNotFound, WrongPassword
from cumulo.services.identity.hashing import Passwords
from cumulo.services.identity.model import DEFAULT_DOMAIN, Group, Membership, User
from cumulo.services.identity.schema.people import (
    GroupCreate,
    GroupUpdate,
    GroupView,
    PasswordChange,
    UserCreate,
    UserUpdate,
    UserView,
    with_extra,
)

users = Resource("user", "/users", model=User, view=UserView, scope=in_sight, missing=UserNotFound)
users.list(policy=policy.LIST_USERS)
users.show(policy=policy.GET_USER)

user_routes = RouteSet()


def home_domain(ctx: Ctx, given: str | None) -> str:
    """Return the domain for something new: the one given, else the token's, else the default one."""
    return given or ctx.identity.domain_id or DEFAULT_DOMAIN


def _new(noun: str) -> Any:
    """Return the policy target of a create: the domain that the new one will be in."""
    return lambda ctx: {"target": {noun: {"domain_id": home_domain(ctx, ctx.body.domain_id)}}}


async def _hashed(ctx: Ctx, changes: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Replace a password among changes by its hash and its expiry; join options to those `before`."""
    if "options" in changes:
        changes["options"] = merged_options(before, changes["options"])
    if "password" not in changes:
        return changes
    password = changes.pop("password")
    if password is None:
        return changes | {"password_hash": None, "password_expires_at": None}
    settings = ctx.use(IdentitySettings)
    check_form(settings, password)
    expires = expiry(settings, changes.get("options", before), chosen=False)
    hashed = await ctx.use(Passwords).hash(password)
    return changes | {"password_hash": hashed, "password_expires_at": expires}


async def _remember(ctx: Ctx, user: User, changes: dict[str, Any]) -> None:
    """Keep what the rules on passwords need to know of an administrator's change."""
    settings = ctx.use(IdentitySettings)
    if changes.get("password_hash"):
        await remember(ctx.db, settings, user.id, changes["password_hash"], chosen=False)
    if changes.get("enabled") is True or changes.get("password_hash"):
        await succeeded(ctx.db, user.id)


@user_routes.route(
    "POST",
    "/users",
    policy=policy.CREATE_USER,
    status=201,
    envelope="user",
    transaction=False,
    target=_new("user"),
)
async def create_user(ctx: Ctx, body: UserCreate) -> dict[str, Any]:
    """Create a user."""
    values = with_extra(None, body.given()) | {"domain_id": home_domain(ctx, body.domain_id)}
    values = await _hashed(ctx, values, {})
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        user = await people.create_user(ctx, User(**values))
        ctx.noted["target_id"] = user.id
        await _remember(ctx, user, values)
        return await shown(ctx, "user", UserView, user)


@user_routes.route(
    "PATCH",
    "/users/{user_id}",
    policy=policy.UPDATE_USER,
    envelope="user",
    transaction=False,
    load=users.load,
)
async def update_user(ctx: Ctx, user_id: str, body: UserUpdate) -> dict[str, Any]:
    """Change a user; a new password or being disabled ends the user's tokens."""
    async with ctx.read() as db:
        options = (await people.require_user(db, user_id)).options
    changes = await _hashed(ctx, body.given(), options)
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        user = await people.held_user(transaction, user_id)
        user = await people.update_user(ctx, user, with_extra(user, changes))
        await _remember(ctx, user, changes)
        return await shown(ctx, "user", UserView, user)


@users.delete(policy=policy.DELETE_USER)
async def delete_user(ctx: Ctx, user: User) -> None:
    """Delete a user."""
    await people.delete_user(ctx, user)


@user_routes.route(
    "POST", "/users/{user_id}/password", policy=None, status=204, envelope="user", transaction=False
)
async def change_password(ctx: Ctx, user_id: str, body: PasswordChange) -> Response:
    """Change one's own password; the present one is the proof, so no token is needed."""
    passwords, settings = ctx.use(Passwords), ctx.use(IdentitySettings)
    async with ctx.read() as db:
        user = await db.get(User, user_id)
        stored = await usable_hash(db, settings, user)
    if not await passwords.verify(body.original_password, stored) or user is None or stored is None:
        await note_failure(ctx.begin, settings, user)
        raise WrongPassword(**blame(user, stored, "the password is wrong"))
    ctx.noted |= {"action": "update", "initiator_id": user.id, "target_name": user.name}
    async with ctx.read() as db:
        past = await check_change(db, settings, user, body.password)
    await check_history(passwords, settings, past, body.password)
    fresh = await passwords.hash(body.password)
    expires = expiry(settings, user.options, chosen=True)
    async with ctx.begin() as transaction:
        ctx.writing(transaction)
        if await is_locked_out(transaction, settings, user):  # by others that were tried at once with it
            raise WrongPassword(**blame(user, None, ""))
        await people.change_password(ctx, user_id, stored, fresh, expires)
        await remember(ctx.db, settings, user_id, fresh, chosen=True)
        await succeeded(ctx.db, user_id)
    return Response(204)


@users.member("GET", "/projects", policy=policy.LIST_USER_PROJECTS)
async def list_projects_of_user(ctx: Ctx, user: User) -> Response:
    """List the projects on which a user has a role."""
    return await list_projects_of(ctx, user.id)


@users.member("GET", "/groups", policy=policy.LIST_GROUPS_FOR_USER)
async def list_groups_of_user(ctx: Ctx, user: User) -> Response:
    """List the groups that a user is in."""
    c = Membership.c
    return await list_response(ctx, groups, GroupView, Through(c.group_id, (c.user_id == user.id,)))


groups = Resource(
    "group",
    "/groups",
    model=Group,
    view=GroupView,
    scope=in_sight,
    missing=GroupNotFound,
    target=_new("group"),
)
groups.list(policy=policy.LIST_GROUPS)
groups.show(policy=policy.GET_GROUP)


@groups.create(policy=policy.CREATE_GROUP)
async def create_group(ctx: Ctx, body: GroupCreate) -> Group:
    """Create a group."""
    values = with_extra(None, body.given()) | {"domain_id": home_domain(ctx, body.domain_id)}
    return await people.create_group(ctx, Group(**values | {"description": body.description or ""}))


@groups.update(policy=policy.UPDATE_GROUP)
async def update_group(ctx: Ctx, group: Group, body: GroupUpdate) -> Group:
    """Change a group."""
    return await people.update_group(ctx, group, with_extra(group, body.given()))


@groups.delete(policy=policy.DELETE_GROUP)
async def delete_group(ctx: Ctx, group: Group) -> None:
    """Delete a group."""
    await people.delete_group(ctx, group)


@groups.member("GET", "/users", policy=policy.LIST_USERS_IN_GROUP)
async def list_members(ctx: Ctx, group: Group) -> Response:
    """List the users in a group."""
    c = Membership.c
    return await list_response(ctx, users, UserView, Through(c.user_id, (c.group_id == group.id,)))


async def _group_and_user(ctx: Ctx) -> dict[str, Any]:
    """Fetch the group and the user that the path names: who manages the one must manage the other."""
    user = await people.require_user(ctx.db, ctx.params["user_id"])
    return {"target": {"group": await groups.load(ctx), "user": user}}


_MEMBER = "/groups/{group_id}/users/{user_id}"


@user_routes.route("GET", _MEMBER, policy=policy.CHECK_USER_IN_GROUP, status=204, load=_group_and_user)
@user_routes.route("HEAD", _MEMBER, policy=policy.CHECK_USER_IN_GROUP, status=204, load=_group_and_user)
async def check_member(ctx: Ctx, found: dict[str, Any]) -> None:
    """Check that a user is in a group."""
    await people.require_member(ctx.db, found["target"]["group"], found["target"]["user"].id)


@user_routes.route("PUT", _MEMBER, policy=policy.ADD_USER_TO_GROUP, status=204, load=_group_and_user)
async def add_member(ctx: Ctx, found: dict[str, Any]) -> None:
    """Put a user into a group."""
    await people.add_member(ctx, found["target"]["group"], found["target"]["user"].id)


@user_routes.route("DELETE", _MEMBER, policy=policy.REMOVE_USER_FROM_GROUP, status=204, load=_group_and_user)
async def remove_member(ctx: Ctx, found: dict[str, Any]) -> None:
    """Take a user out of a group."""
    await people.remove_member(ctx, found["target"]["group"], found["target"]["user"].id)
