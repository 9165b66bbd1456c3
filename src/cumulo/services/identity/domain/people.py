"""Users, groups and who is in them."""

from datetime import datetime
from typing import Any

from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Duplicate
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed
from cumulo.services.identity.domain.delegations import end_trusts
from cumulo.services.identity.domain.projects import require_domain
from cumulo.services.identity.errors import (
    GroupNotFound,
    MembershipNotFound,
    NameTaken,
    UserNotFound,
    WrongPassword,
)
from cumulo.services.identity.model import (
    ApplicationCredential,
    Assignment,
    Credential,
    Group,
    Membership,
    Trust,
    User,
)


async def require_user(db: Reader, id: str) -> User:
    """Return a user; raise UserNotFound."""
    user = await db.get(User, id)
    if user is None:
        raise UserNotFound(id=id)
    return user


async def held_user(db: Transaction, id: str) -> User:
    """Return a user whom nobody else changes until the transaction ends; raise UserNotFound."""
    user = await db.one(User, User.c.id == id, for_update=True)
    if user is None:
        raise UserNotFound(id=id)
    return user


async def require_group(db: Reader, id: str) -> Group:
    """Return a group; raise GroupNotFound."""
    group = await db.get(Group, id)
    if group is None:
        raise GroupNotFound(id=id)
    return group


async def create_user(work: Work, user: User) -> User:
    """Insert a user; raise NameTaken, DomainNotFound."""
    await require_domain(work.db, user.domain_id)
    try:
        await work.db.insert(user)
    except Duplicate as error:
        raise _taken("user", user) from error
    return user


async def update_user(work: Work, user: User, changes: dict[str, Any]) -> User:
    """Write changed columns; a new password or being disabled voids the user's tokens."""
    disabled = changes.get("enabled") is False and user.enabled
    if "password_hash" in changes or disabled:
        changes["generation"] = user.generation + 1
    for name, value in changes.items():
        setattr(user, name, value)
    try:
        if changes:
            await work.db.save(user, *changes)
    except Duplicate as error:
        raise _taken("user", user) from error
    await changed(work.db)
    return user


async def delete_user(work: Work, user: User) -> None:
    """Delete a user with its assignments, memberships and application credentials."""
    c = Assignment.c
    await work.db.delete(Assignment, c.actor_type == "user", c.actor_id == user.id)
    await work.db.delete(ApplicationCredential, ApplicationCredential.c.user_id == user.id)
    await work.db.delete(Credential, Credential.c.user_id == user.id)
    await end_trusts(work.db, (Trust.c.trustor_user_id == user.id) | (Trust.c.trustee_user_id == user.id))
    await work.db.delete(User, User.c.id == user.id)
    await changed(work.db)


async def change_password(
    work: Work, user_id: str, seen_hash: str | None, new_hash: str, expires_at: datetime | None
) -> None:
    """Set the password of a user whose old one was just verified against `seen_hash`, if still the same."""
    user = await work.db.one(User, User.c.id == user_id, for_update=True)
    if user is None or user.password_hash != seen_hash:
        raise WrongPassword
    await update_user(work, user, {"password_hash": new_hash, "password_expires_at": expires_at})


async def renew_hash(work: Work, user_id: str, seen_hash: str, new_hash: str) -> None:
    """Store the same password in today's kind of hash; tokens stay valid."""
    where = (User.c.id == user_id, User.c.password_hash == seen_hash)
    await work.db.update(User, *where, password_hash=new_hash)


async def create_group(work: Work, group: Group) -> Group:
    """Insert a group; raise NameTaken, DomainNotFound."""
    await require_domain(work.db, group.domain_id)
    try:
        await work.db.insert(group)
    except Duplicate as error:
        raise _taken("group", group) from error
    return group


async def update_group(work: Work, group: Group, changes: dict[str, Any]) -> Group:
    """Write changed columns."""
    for name, value in changes.items():
        setattr(group, name, value)
    try:
        if changes:
            await work.db.save(group, *changes)
    except Duplicate as error:
        raise _taken("group", group) from error
    return group


async def delete_group(work: Work, group: Group) -> None:
    """Delete a group with its assignments; its users stay."""
    c = Assignment.c
    await work.db.delete(Assignment, c.actor_type == "group", c.actor_id == group.id)
    await work.db.delete(Group, Group.c.id == group.id)
    await changed(work.db)


async def add_member(work: Work, group: Group, user_id: str) -> None:
    """Put a user into a group; nothing changes when it is there already."""
    await require_user(work.db, user_id)
    if await work.db.get(Membership, (group.id, user_id)) is None:
        await work.db.insert(Membership(group_id=group.id, user_id=user_id))
        await changed(work.db)


async def remove_member(work: Work, group: Group, user_id: str) -> None:
    """Take a user out of a group; raise MembershipNotFound."""
    where = (Membership.c.group_id == group.id, Membership.c.user_id == user_id)
    if not await work.db.delete(Membership, *where):
        raise MembershipNotFound(group_id=group.id, user_id=user_id)
    await changed(work.db)


async def require_member(db: Reader, group: Group, user_id: str) -> None:
    """Raise MembershipNotFound unless the user is in the group."""
    await require_user(db, user_id)
    if await db.get(Membership, (group.id, user_id)) is None:
        raise MembershipNotFound(group_id=group.id, user_id=user_id)


def _taken(kind: str, row: User | Group) -> NameTaken:
    return NameTaken(kind=kind, name=row.name, where=f" at domain ID {row.domain_id}")
