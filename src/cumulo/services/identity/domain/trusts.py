"""Trusts: a trustor lets a trustee use some of its roles on a project.

A trust made with a trust's token is chained on it (redelegated): it may not reach further in roles, time or
impersonation, and ends with it.
"""

from datetime import datetime

import msgspec

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.db import Reader, Transaction
from cumulo.core.errors import Forbidden, Invalid, Unauthenticated
from cumulo.core.work import Work
from cumulo.services.identity.domain.authority import changed, roles_on_project, with_implied
from cumulo.services.identity.domain.credentials import RoleNamed
from cumulo.services.identity.domain.delegations import end_trusts, is_past
from cumulo.services.identity.domain.people import require_user
from cumulo.services.identity.domain.projects import require_project
from cumulo.services.identity.errors import (
    CredentialRestricted,
    ProjectNotFound,
    RoleNotFound,
    TrustNotFound,
)
from cumulo.services.identity.model import ApplicationCredential, Role, Trust

DEEPEST = 3  # trusts in a chain, as Keystone's max_redelegation_count


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a trustor wants of a new trust. `redelegation_count` None: as deep as may be, if allowed."""

    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str | None
    roles: list[RoleNamed]
    expires_at: datetime | None
    remaining_uses: int | None
    allow_redelegation: bool
    redelegation_count: int | None


async def require_trust(db: Reader, id: str) -> Trust:
    """Return a trust that still holds; raise TrustNotFound."""
    trust = await db.get(Trust, id)
    if trust is None or is_past(trust.expires_at) or trust.remaining_uses == 0:
        raise TrustNotFound(id=id)
    return trust


async def create_trust(work: Work, identity: Identity, wanted: Wanted) -> Trust:
    """Insert a trust; raise Invalid, Forbidden, UserNotFound, ProjectNotFound, RoleNotFound."""
    await check_may_trust(work.db, identity)
    await require_user(work.db, wanted.trustee_user_id)
    if wanted.expires_at is not None and wanted.expires_at <= clock.now():
        raise Invalid("The expiry of a trust must lie in the future.", field="expires_at")
    if wanted.remaining_uses is not None and (wanted.remaining_uses < 1 or wanted.allow_redelegation):
        raise Invalid("remaining_uses must be positive, and not be set if redelegation is allowed.")
    trust = Trust(
        trustor_user_id=wanted.trustor_user_id,
        trustee_user_id=wanted.trustee_user_id,
        project_id=wanted.project_id,
        impersonation=wanted.impersonation,
        role_ids=await _role_ids(work.db, wanted),
        expires_at=wanted.expires_at,
        remaining_uses=wanted.remaining_uses,
        redelegation_count=_depth(wanted, DEEPEST),
    )
    if identity.trust_id is not None:
        await _chain(work.db, trust, wanted, identity.trust_id)
    await work.db.insert(trust)
    return trust


async def check_may_trust(db: Reader, identity: Identity) -> None:
    """Raise CredentialRestricted for a token of a restricted application credential or of OAuth."""
    used = identity.application_credential_id
    credential = await db.get(ApplicationCredential, used) if used is not None else None
    if identity.access_token_id is not None or (
        used is not None and not (credential and credential.unrestricted)
    ):
        raise CredentialRestricted


def _depth(wanted: Wanted, most: int) -> int:
    """Return how many trusts may be chained on the new one."""
    if not wanted.allow_redelegation:
        return 0
    asked = most if wanted.redelegation_count is None else wanted.redelegation_count
    if asked > most:
        raise Forbidden(f"A redelegation_count of {asked} is more than the {most} allowed.")
    return asked


async def _role_ids(db: Reader, wanted: Wanted) -> list[str]:
    """Return the ids of the roles, each of which the trustor must have on the project."""
    if wanted.project_id is None:
        if wanted.roles:
            raise Invalid("Roles need a project_id.", field="project_id")
        return []
    if not wanted.roles:
        raise Forbidden("At least one role should be specified.")
    project = await require_project(db, wanted.project_id)
    held = await with_implied(db, await roles_on_project(db, wanted.trustor_user_id, project))
    if not held:  # to the trustor it is as if there were no such project
        raise ProjectNotFound(id=wanted.project_id)
    found = []
    for named in wanted.roles:
        role = named.among(held)
        if role is None:
            await _explain(db, named)
        else:
            found.append(role.id)
    return list(dict.fromkeys(found))


async def _explain(db: Reader, named: RoleNamed) -> None:
    """Raise RoleNotFound for no such role, Forbidden for one that the trustor does not have."""
    where = Role.c.id == named.id if named.id is not None else Role.c.name == named.name
    if not await db.exists(Role, where):
        raise RoleNotFound(id=named.id or named.name)
    raise Forbidden("The trustor does not have that role on the project.")


async def _chain(db: Reader, trust: Trust, wanted: Wanted, parent_id: str) -> None:
    """Chain a new trust on the one that the token acts by; raise Forbidden where it reaches further."""
    parent = await require_trust(db, parent_id)
    if parent.redelegation_count < 1:
        raise Forbidden("The trust may not be redelegated.")
    if not set(trust.role_ids) <= set(parent.role_ids) or trust.project_id != parent.project_id:
        raise Forbidden("Some of the requested roles are not in the redelegated trust.")
    if trust.impersonation and not parent.impersonation:
        raise Forbidden("The redelegated trust does not impersonate.")
    if trust.remaining_uses is not None:
        raise Invalid("remaining_uses must not be set in a redelegated trust.")
    if parent.expires_at is not None:
        trust.expires_at = trust.expires_at or parent.expires_at
        if trust.expires_at > parent.expires_at:
            raise Forbidden("The trust would outlive the redelegated one.")
    trust.redelegated_trust_id = parent.id
    trust.redelegation_count = _depth(wanted, parent.redelegation_count - 1)


async def use(db: Transaction, trust_id: str) -> None:
    """Count one use of a trust; raise Unauthenticated when none is left."""
    limited = (Trust.c.id == trust_id, Trust.c.remaining_uses.is_not(None))
    left = (*limited, Trust.c.remaining_uses > 0)
    if not await db.update(Trust, *left, remaining_uses=Trust.c.remaining_uses - 1) and await db.exists(
        Trust, *limited
    ):
        raise Unauthenticated


async def end_trust(work: Work, trust: Trust) -> None:
    """Delete a trust and all that are chained on it; their tokens are refused at once."""
    await end_trusts(work.db, Trust.c.id == trust.id)
    await changed(work.db)
