"""Keypairs: a user's public keys, brought or made here.

A key made here is Ed25519: OpenSSH, dropbear and every client in use take it, and making one costs
nothing, where an RSA key holds the whole process up for a tenth of a second. The private half is told once
and not kept.
"""

import base64
import binascii
import hashlib
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cumulo.core import clock
from cumulo.core.db import Reader
from cumulo.core.http import Ctx
from cumulo.services.compute.domain import quotas
from cumulo.services.compute.errors import (
    KeypairExists,
    KeypairInvalid,
    KeypairNotFound,
    MarkerNotFound,
)
from cumulo.services.compute.model import Keypair

LIFETIME = timedelta(days=3650)  # of a certificate made here


def generate(comment: str) -> tuple[str, str]:
    """Make an Ed25519 key; return its private half (OpenSSH's PEM) and its public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()} {comment}"


def certify(name: str) -> tuple[str, str]:
    """Make a P-256 key with a certificate by itself; return both in PEM, the private half first."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64] or "user")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint(public_key: str, kind: str) -> str:
    """Return a key's fingerprint: MD5 of an SSH key, SHA-1 of a certificate. KeypairInvalid."""
    digest = _ssh_digest(public_key) if kind == "ssh" else _certificate_digest(public_key)
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def _ssh_digest(public_key: str) -> str:
    try:
        serialization.load_ssh_public_key(public_key.encode())
        blob = base64.b64decode(public_key.split()[1])
    except (ValueError, IndexError, binascii.Error, UnsupportedAlgorithm) as error:
        raise KeypairInvalid(reason="it is no SSH public key.") from error
    return hashlib.md5(blob, usedforsecurity=False).hexdigest()


def _certificate_digest(certificate: str) -> str:
    try:
        loaded = x509.load_pem_x509_certificate(certificate.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise KeypairInvalid(reason="it is no X.509 certificate in PEM.") from error
    return loaded.fingerprint(hashes.SHA1()).hex()  # noqa: S303  what Nova shows; nothing trusts it


async def create(
    ctx: Ctx, user_id: str, name: str, kind: str, public_key: str | None
) -> tuple[Keypair, str | None]:
    """Keep a public key, or make a pair; return it with the private half when made here."""
    private = None
    if public_key is None:
        private, public_key = generate("Generated-by-Cumulo") if kind == "ssh" else certify(user_id)
    found = fingerprint(public_key, kind)
    if await ctx.db.exists(Keypair, owned(user_id, name)):
        raise KeypairExists(name=name)
    await quotas.check_key_pairs(ctx, user_id)
    row = Keypair(user_id=user_id, name=name, kind=kind, fingerprint=found, public_key=public_key)
    await ctx.db.insert(row)
    return row, private


def owned(user_id: str, name: str) -> object:
    """Return the condition for one keypair of a user."""
    return (Keypair.c.user_id == user_id) & (Keypair.c.name == name)


async def find(db: Reader, user_id: str, name: str) -> Keypair:
    """Return a user's keypair. KeypairNotFound."""
    row = await db.one(Keypair, owned(user_id, name))
    if row is None:
        raise KeypairNotFound(name=name, user_id=user_id)
    return row


async def delete(ctx: Ctx, user_id: str, name: str) -> None:
    """Forget a user's keypair; servers made with it keep the key."""
    if not await ctx.db.delete(Keypair, owned(user_id, name)):
        raise KeypairNotFound(name=name, user_id=user_id)


async def page(db: Reader, user_id: str, marker: str | None, limit: int | None) -> tuple[list[Keypair], bool]:
    """Return a page of a user's keypairs by name, and whether more follow. MarkerNotFound."""
    where = [Keypair.c.user_id == user_id]
    if marker is not None:
        if not await db.exists(Keypair, owned(user_id, marker)):
            raise MarkerNotFound(marker=marker)
        where.append(Keypair.c.name > marker)
    more_than = None if limit is None else limit + 1
    rows = await db.all(Keypair, *where, order_by=(Keypair.c.name,), limit=more_than)
    return rows[:limit], limit is not None and len(rows) > limit
