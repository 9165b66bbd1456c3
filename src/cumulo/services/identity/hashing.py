"""Hashing and checking passwords, off the event loop.

New hashes are argon2id (2 passes, 19 MiB). Hashes that Keystone made still verify: bcrypt (`$2b$`), bcrypt
over SHA-256 (`$bcrypt-sha256$`), scrypt (`$scrypt$`) and PBKDF2 (`$pbkdf2-sha512$`), the last
three in passlib's modular formats. A check against no hash at all takes as long as one against a hash, so
that a user who does not exist cannot be told from a wrong password.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple, Unpack

import argon2
import bcrypt

A = TypeVarTuple("A")
R = TypeVar("R")

LONGEST = 4096  # bytes; longer ones are never right
_BCRYPT_LONGEST = 72  # bytes; bcrypt reads no more, and Keystone cuts there too
_SCRYPT_MEMORY = 256 * 2**20


class Passwords:
    """A small pool of threads that hashes and checks. `passes` and `memory` (KiB) are argon2's costs."""

    def __init__(self, *, threads: int = 2, passes: int = 2, memory: int = 19456) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Return a hash to store."""
        return await self._run(self._argon2.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Say whether the password is the one that was hashed; with nothing stored, say no as slowly."""
        return await self._run(self._verify, password, stored)

    def is_outdated(self, stored: str) -> bool:
        """Say whether the hash is of an older kind or cost, to be renewed at the next right password."""
        return not stored.startswith("$argon2id$") or self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False)

    async def _run(self, work: Callable[[Unpack[A]], R], *arguments: *A) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    def _verify(self, password: str, stored: str | None) -> bool:
        if self._nobody is None:
            self._nobody = self._argon2.hash("nobody")
        acceptable = len(password.encode()) <= LONGEST
        if stored is None or not acceptable:
            self._verify_argon2("", self._nobody)
            return False
        for prefix, verify in _FOREIGN.items():
            if stored.startswith(prefix):
                with contextlib.suppress(ValueError):  # a hash that is none
                    return verify(password.encode(), stored)
                return False
        return self._verify_argon2(password, stored)

    def _verify_argon2(self, password: str, stored: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def _bcrypt(password: bytes, stored: str) -> bool:
    return bcrypt.checkpw(password[:_BCRYPT_LONGEST], stored.encode())


def _bcrypt_sha256(password: bytes, stored: str) -> bool:
    shape = re.fullmatch(r"\$bcrypt-sha256\$v=2,t=(2[ab]),r=(\d{1,2})\$([^$]{22})\$([^$]{31})", stored)
    if shape is None:
        return False
    kind, rounds, salt, digest = shape.groups()
    key = base64.b64encode(hmac.digest(salt.encode(), password, "sha256"))
    return bcrypt.checkpw(key, f"${kind}${int(rounds):02d}${salt}{digest}".encode())


def _scrypt(password: bytes, stored: str) -> bool:
    shape = re.fullmatch(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([^$]+)\$([^$]+)", stored)
    if shape is None:
        return False
    cost, blocks, parallel = (int(part) for part in shape.groups()[:3])
    expected = _unbase64(shape[5])
    found = hashlib.scrypt(
        password,
        salt=_unbase64(shape[4]),
        n=1 << cost,
        r=blocks,
        p=parallel,
        maxmem=_SCRYPT_MEMORY,
        dklen=len(expected),
    )
    return hmac.compare_digest(found, expected)


def _pbkdf2_sha512(password: bytes, stored: str) -> bool:
    shape = re.fullmatch(r"\$pbkdf2-sha512\$(\d{1,7})\$([^$]+)\$([^$]+)", stored)
    if shape is None:
        return False
    expected = _unbase64(shape[3])
    found = hashlib.pbkdf2_hmac("sha512", password, _unbase64(shape[2]), int(shape[1]), len(expected))
    return hmac.compare_digest(found, expected)


def _unbase64(text: str) -> bytes:
    """Decode passlib's base64: no padding, and a full stop may stand for the plus sign."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))


_FOREIGN: dict[str, Callable[[bytes, str], bool]] = {
    "$2": _bcrypt,
    "$bcrypt-sha256$": _bcrypt_sha256,
    "$scrypt$": _scrypt,
    "$pbkdf2-sha512$": _pbkdf2_sha512,
}
