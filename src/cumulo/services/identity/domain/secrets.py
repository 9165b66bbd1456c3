"""Credentials that users keep here: EC2 keys, TOTP seeds, certificates. Their text is sealed in the database.

A sealed text is bound to its row's id, so that one row's cannot be put into another.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from cumulo.core import ids
from cumulo.core.auth import Identity
from cumulo.core.auth.keys import KeyFolder
from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Reader
from cumulo.core.errors import Duplicate, Invalid
from cumulo.core.work import Work
from cumulo.services.identity.domain.credentials import check_unrestricted
from cumulo.services.identity.domain.people import require_user
from cumulo.services.identity.domain.reachable import require_reachable
from cumulo.services.identity.errors import AlreadyThere, CredentialNotFound
from cumulo.services.identity.model import Credential

EC2 = "ec2"


class CredentialKeys(KeyFolder):
    """The keys that credentials are sealed with: a folder beside the tokens' keys."""

    def __init__(self, use: Callable[[type], Any]) -> None:
        folder = use(Keyring).folder.with_name("credential-keys")
        super().__init__(folder, b"cumulo credential 1 ")


class Ec2Key(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The text of an EC2 credential: the keys, and by whose delegation they were made, if any."""

    access: str
    secret: str
    trust_id: str | None = None
    app_cred_id: str | None = None
    access_token_id: str | None = None


def ec2_id(access: str) -> str:
    """Return the id of the credential with this access key, as Keystone derives it."""
    return hashlib.sha256(access.encode()).hexdigest()


def text_of(keys: CredentialKeys, row: Credential) -> str:
    """Return a credential's text."""
    return keys.open_bytes(row.sealed, row.id.encode()).decode()


def ec2_key(keys: CredentialKeys, row: Credential) -> Ec2Key:
    """Return the keys of an EC2 credential."""
    return msgspec.json.decode(keys.open_bytes(row.sealed, row.id.encode()), type=Ec2Key)


def _parsed(text: str) -> Ec2Key:
    try:
        return msgspec.json.decode(text, type=Ec2Key)
    except msgspec.MsgspecError as error:
        raise Invalid("Invalid blob in credential.") from error


def _bound(text: str, identity: Identity) -> str:
    """Return the text of an EC2 key with the delegation of the token that it is made by."""
    key = _parsed(text)
    key.trust_id, key.access_token_id = identity.trust_id, identity.access_token_id
    key.app_cred_id = identity.application_credential_id
    return msgspec.json.encode(key).decode()


async def keep(
    work: Work, identity: Identity, *, user_id: str, project_id: str | None, kind: str, text: str
) -> Credential:
    """Seal and insert a credential; raise Invalid, AlreadyThere, UserNotFound, ProjectNotFound.

    A delegated token may keep nothing but EC2 keys, which then act by the same delegation.
    """
    if kind != EC2 or identity.application_credential_id is not None:
        await check_unrestricted(work.db, identity)
    await require_user(work.db, user_id)
    if project_id is not None:
        await require_reachable(work.db, identity, project_id)
    row = Credential(user_id=user_id, project_id=project_id, type=kind, sealed=b"")
    if kind == EC2:
        if project_id is None:
            raise Invalid("An EC2 credential needs a project_id.", field="project_id")
        text = _bound(text, identity)
        row.id = ec2_id(_parsed(text).access)
    row.sealed = work.use(CredentialKeys).seal_bytes(text.encode(), row.id.encode())
    try:
        await work.db.insert(row)
    except Duplicate as error:
        raise AlreadyThere(kind="credential", id=row.id) from error
    return row


async def change(work: Work, identity: Identity, row: Credential, changes: dict[str, Any]) -> Credential:
    """Change a credential; raise Invalid, UserNotFound, ProjectNotFound.

    An EC2 key stays one, its owner's, of its project and its delegation: requests signed by it act as those.
    """
    text = changes.pop("blob", None)
    changes = {name: value for name, value in changes.items() if value != getattr(row, name)}
    for name in changes:
        if EC2 in {row.type, changes.get("type")}:
            raise Invalid(f"The {name} of an EC2 credential cannot change.", field=name)
    if "user_id" in changes:
        await require_user(work.db, changes["user_id"])
    if changes.get("project_id") is not None:
        await require_reachable(work.db, identity, changes["project_id"])
    if text is not None:
        changes["sealed"] = _resealed(work.use(CredentialKeys), row, text)
    for name, value in changes.items():
        setattr(row, name, value)
    if changes:
        await work.db.save(row, *changes)
    return row


def _resealed(keys: CredentialKeys, row: Credential, text: str) -> bytes:
    """Return a credential's new text, sealed; an EC2 key's acts by the same delegation as before."""
    if row.type == EC2:
        before, after = ec2_key(keys, row), _parsed(text)
        after.trust_id, after.access_token_id = before.trust_id, before.access_token_id
        after.app_cred_id = before.app_cred_id
        text = msgspec.json.encode(after).decode()
    return keys.seal_bytes(text.encode(), row.id.encode())


async def check_within(work: Work, identity: Identity, row: Credential) -> None:
    """Raise CredentialRestricted when a delegated token would change what it did not make.

    Whoever could put a seed of its own choice there would log in as the user, far beyond what was delegated.
    """
    if row.type == EC2:
        key = ec2_key(work.use(CredentialKeys), row)
        made_by = (key.trust_id, key.access_token_id, key.app_cred_id)
        if made_by == (identity.trust_id, identity.access_token_id, identity.application_credential_id):
            return
    await check_unrestricted(work.db, identity)


async def forget(work: Work, row: Credential) -> None:
    """Delete a credential."""
    await work.db.delete(Credential, Credential.c.id == row.id)


async def make_ec2(
    work: Work, identity: Identity, user_id: str, project_id: str
) -> tuple[Credential, Ec2Key]:
    """Make an EC2 credential of a user for a project, with new keys."""
    key = Ec2Key(access=ids.plain(), secret=ids.plain())
    text = msgspec.json.encode(key).decode()
    row = await keep(work, identity, user_id=user_id, project_id=project_id, kind=EC2, text=text)
    return row, ec2_key(work.use(CredentialKeys), row)


async def require_ec2(db: Reader, user_id: str, access: str) -> Credential:
    """Return a user's EC2 credential by its access key; raise CredentialNotFound."""
    row = await db.get(Credential, ec2_id(access))
    if row is None or row.type != EC2 or row.user_id != user_id:
        raise CredentialNotFound(id=access)
    return row
