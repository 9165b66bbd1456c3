"""Tokens whose time is over: a service that works on for a user long after may look at one a while later."""

from datetime import datetime, timedelta

import msgspec

from cumulo.core import clock
from cumulo.core.auth import Identity
from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Reader
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.authority import identity_of


def kept_since(settings: IdentitySettings) -> datetime:
    """Return until when a token must have lived to be looked at now."""
    return clock.now() - timedelta(seconds=settings.expired_token_seconds)


async def identity_lately(db: Reader, keyring: Keyring, settings: IdentitySettings, token: str) -> Identity:
    """Return whom a token stands for that only time has ended, not long ago; raise Unauthenticated."""
    claims = keyring.open(token)
    if claims.expires_at <= kept_since(settings):
        raise Unauthenticated
    alive = msgspec.structs.replace(claims, expires_at=clock.now() + timedelta(minutes=1))
    return msgspec.structs.replace(await identity_of(db, alive), expires_at=claims.expires_at)
