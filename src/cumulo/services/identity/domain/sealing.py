"""Turning the keys that credentials, OAuth secrets and domains' passwords are sealed with."""

from typing import Any

from cumulo.contracts.sealing import KEPT_KEYS
from cumulo.core.work import Work
from cumulo.services.identity.domain import configuration
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.model import AccessToken, Consumer, Credential, RequestToken

SEALED: tuple[Any, ...] = (Credential, Consumer, RequestToken, AccessToken)
"""The models with a column `sealed`, which is bound to the row's id."""


class CredentialsSealed:
    """Fulfils `cumulo.contracts.sealing.Sealing`."""

    async def reseal(self, work: Work) -> int:
        """Make a new key and seal every secret anew by it; return how many. Old keys stay for three turns.

        No key goes before all that it sealed is sealed anew for good, however often that fails. What somebody
        else changes or deletes meanwhile is left as they have it.
        """
        keys = work.use(CredentialKeys)
        keys.rotate(keep=None)
        work.after_commit(lambda: keys.forget(KEPT_KEYS))
        return sum([await _reseal(work, keys, kind) for kind in SEALED]) + await configuration.reseal(work)


async def _reseal(work: Work, keys: CredentialKeys, kind: Any) -> int:
    count = 0
    for row in await work.db.all(kind):
        about = row.id.encode()
        after = keys.seal_bytes(keys.open_bytes(row.sealed, about), about)
        same = (kind.c.id == row.id, kind.c.sealed == row.sealed)
        count += await work.db.update(kind, *same, sealed=after)
    return count
