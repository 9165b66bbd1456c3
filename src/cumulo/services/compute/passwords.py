"""Administrators' passwords on their way into guests: by the config drive, at the boot they are made for.

Such a password waits in the server's row, sealed to it, until that boot is over or has failed; then no one
but the caller knows it. `ServerKeys` are turned with the cloud's other keys; what waits is not sealed anew,
for older keys are kept longer than a server takes to boot.
"""

import base64
from collections.abc import Callable
from typing import Any

import msgspec

from cumulo.contracts.sealing import KEPT_KEYS
from cumulo.core.auth.keys import KeyFolder, NotSealedHere
from cumulo.core.auth.tokens import Keyring
from cumulo.core.db import Transaction
from cumulo.core.work import Work
from cumulo.services.compute.model import Asked, Server

Use = Callable[[type[Any]], Any]
_ASKED = msgspec.json.Decoder(Asked)


class ServerKeys(KeyFolder):
    """The keys that passwords are sealed with: a folder beside the tokens' keys."""

    def __init__(self, use: Use) -> None:
        super().__init__(use(Keyring).folder.with_name("server-keys"), b"cumulo server 1 ")


class PasswordsSealed:
    """Fulfils `cumulo.contracts.sealing.Sealing`."""

    async def reseal(self, work: Work) -> int:
        """Make a new key for passwords to come."""
        keys = work.use(ServerKeys)
        keys.rotate(keep=None)
        work.after_commit(lambda: keys.forget(KEPT_KEYS))
        return 0


def sealed(use: Use, server_id: str, password: str) -> str:
    """Return a password as a server's row keeps it."""
    keys: ServerKeys = use(ServerKeys)
    return base64.b64encode(keys.seal_bytes(password.encode(), server_id.encode())).decode()


def waiting(use: Use, server: Server) -> str | None:
    """Return the password that a server's guest is to get at its boot; None when none waits."""
    text = _ASKED.decode(server.asked).sealed_password
    if not text:
        return None
    keys: ServerKeys = use(ServerKeys)
    try:
        return keys.open_bytes(base64.b64decode(text), server.id.encode()).decode()
    except NotSealedHere:
        return None  # it waited longer than keys are kept


async def forget(db: Transaction, server: Server | None) -> None:
    """Keep a server's password no longer: its guest has it, or will never boot."""
    asked = _ASKED.decode(server.asked) if server is not None else Asked()
    if server is not None and asked.sealed_password:
        asked.sealed_password = ""
        await db.update(Server, Server.c.id == server.id, asked=msgspec.Raw(msgspec.json.encode(asked)))
