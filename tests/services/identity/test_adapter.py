"""The authenticator's cache, and the projects contract."""

from typing import Any

import pytest

from cumulo.core.auth.tokens import Keyring
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.adapter import ProjectDirectory, TokenAuthenticator
from cumulo.services.identity.domain import authority
from cumulo.services.identity.model import Project, Revision


async def test_a_token_is_looked_up_once_until_authority_changes(
    identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await identity.token()
    authenticator = TokenAuthenticator(identity.cloud.bindings[Keyring])
    lookups: list[str] = []
    plain = authority.identity_of

    async def counted(db: Any, claims: Any) -> Any:
        lookups.append(claims.user_id)
        return await plain(db, claims)

    monkeypatch.setattr("cumulo.services.identity.adapter.identity_of", counted)
    async with identity.database.read() as db:
        one = await authenticator.authenticate(db, token)
        assert await authenticator.authenticate(db, token) is one
    assert len(lookups) == 1
    async with identity.database.begin() as tx:
        await authority.changed(tx)
    async with identity.database.read() as db:
        assert await authenticator.authenticate(db, token) == one
    assert len(lookups) == 2


async def test_a_change_by_another_process_is_seen_at_once(identity: Any) -> None:
    token = await identity.token()
    here = TokenAuthenticator(identity.cloud.bindings[Keyring])
    async with identity.database.read() as db:
        await here.authenticate(db, token)
    admin = await identity.client()  # through the cloud's own authenticator, as another process would
    await admin.delete("/auth/tokens", X_Subject_Token=token)
    async with identity.database.read() as db:
        with pytest.raises(Unauthenticated):
            await here.authenticate(db, token)


async def test_a_token_that_was_verified_ends_with_the_key_that_sealed_it(identity: Any) -> None:
    token = await identity.token()
    here = TokenAuthenticator(identity.cloud.bindings[Keyring])
    elsewhere = Keyring(identity.cloud.bindings[Keyring].folder)  # as `cumulo keys rotate` in another process
    async with identity.database.read() as db:
        await here.authenticate(db, token)
        elsewhere.rotate(keep=2)
        await here.authenticate(db, token)
        elsewhere.rotate(keep=2)
        with pytest.raises(Unauthenticated):
            await here.authenticate(db, token)


async def test_only_so_many_tokens_are_kept(identity: Any) -> None:
    authenticator = TokenAuthenticator(identity.cloud.bindings[Keyring], size=2)
    tokens = [await identity.token() for _ in range(4)]
    async with identity.database.read() as db:
        for token in tokens:
            await authenticator.authenticate(db, token)
    assert list(authenticator._known) == tokens[-2:]


async def test_no_token_is_no_one(identity: Any) -> None:
    async with identity.database.read() as db:
        for text in ("", "x", "A" * 120):
            with pytest.raises(Unauthenticated):
                await identity.cloud.engine.authenticator.authenticate(db, text)


async def test_the_first_change_makes_the_revision(database: Any) -> None:
    async with database.read() as db:
        assert await authority.revision(db) == 0
    for expected in (1, 2):
        async with database.begin() as tx:
            await authority.changed(tx)
            assert (await tx.get(Revision, 1)).value == expected


async def test_other_services_ask_whether_a_project_is_there(identity: Any, admin: Any) -> None:
    directory = ProjectDirectory()
    project = (await admin.post("/projects", {"project": {"name": "p"}}))["project"]["id"]
    async with identity.database.read() as db:
        assert await directory.exists(db, project)
        assert not await directory.exists(db, "nothing")
    async with identity.database.begin() as tx:
        await tx.update(Project, Project.c.id == project, enabled=False)
        assert not await directory.exists(tx, project)
