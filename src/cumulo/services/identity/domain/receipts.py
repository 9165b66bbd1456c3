"""Receipts: what a user has proved so far, to be shown with the proofs that are still missing.

A receipt is sealed as a token is, but for another use, so neither is taken for the other.
"""

import base64
import binascii
from datetime import datetime, timedelta

import msgspec

from cumulo.core import clock
from cumulo.core.auth.keys import NotSealedHere
from cumulo.core.auth.tokens import Keyring
from cumulo.core.errors import Unauthenticated
from cumulo.services.identity.domain.login import Desk, Principal, joined
from cumulo.services.identity.model import User

LASTS = timedelta(minutes=5)
_ABOUT = b"receipt"


class Receipt(msgspec.Struct, frozen=True):
    """Which methods a user has passed."""

    user_id: str
    generation: int
    methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime


def made(keyring: Keyring, principal: Principal) -> tuple[str, Receipt]:
    """Return a receipt for what was proved, sealed and plain."""
    now = clock.now()
    receipt = Receipt(principal.user.id, principal.user.generation, principal.methods, now, now + LASTS)
    sealed = keyring.seal_bytes(msgspec.msgpack.encode(receipt), _ABOUT)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("="), receipt


def opened(keyring: Keyring, text: str | None) -> Receipt | None:
    """Return the receipt that a client shows, if it shows one; raise Unauthenticated."""
    if text is None:
        return None
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        receipt = msgspec.msgpack.decode(keyring.open_bytes(sealed, _ABOUT), type=Receipt)
    except (binascii.Error, ValueError, NotSealedHere):
        raise Unauthenticated from None
    if receipt.expires_at <= clock.now():
        raise Unauthenticated
    return receipt


async def with_receipt(desk: Desk, receipt: Receipt | None, principal: Principal) -> Principal:
    """Join what was proved before to what was proved now; raise Unauthenticated unless by the same user."""
    if receipt is None:
        return principal
    async with desk.read() as db:
        user = await db.get(User, receipt.user_id)
    if user is None or not user.enabled or user.generation != receipt.generation:
        raise Unauthenticated
    return joined(Principal(user=user, methods=receipt.methods), principal)
