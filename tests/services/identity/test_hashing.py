"""Passwords verify against our hashes and against those that Keystone stored."""

import base64
import hashlib
from collections.abc import Iterator

import bcrypt
import pytest

from cumulo.services.identity.hashing import Passwords


def _passlib64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=").replace("+", ".")


_PBKDF2_SALT = _passlib64(b"\xfb" * 16)
_PBKDF2_DIGEST = _passlib64(hashlib.pbkdf2_hmac("sha512", b"password", b"\xfb" * 16, 1000))


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    pool = Passwords(threads=1, passes=1, memory=64)
    yield pool
    pool.close()


async def test_a_password_verifies_against_its_own_hash_only(passwords: Passwords) -> None:
    stored = await passwords.hash("søm€ secret")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify("søm€ secret", stored)
    assert not await passwords.verify("other", stored)
    assert not passwords.is_outdated(stored)


async def test_the_default_cost_is_two_passes_over_19_mib() -> None:
    strong = Passwords()
    stored = await strong.hash("x")
    strong.close()
    assert "$m=19456,t=2,p=1$" in stored


async def test_no_stored_hash_is_never_right(passwords: Passwords) -> None:
    assert not await passwords.verify("nobody", None)
    assert not await passwords.verify("", None)


async def test_a_password_beyond_measure_is_never_right(passwords: Passwords) -> None:
    stored = await passwords.hash("x" * 5000)
    assert not await passwords.verify("x" * 5000, stored)


@pytest.mark.parametrize(
    "stored",
    [
        bcrypt.hashpw(b"password", bcrypt.gensalt(4)).decode(),
        # passlib's own documented examples for the password "password"
        "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "$pbkdf2-sha512$1000$" + _PBKDF2_SALT + "$" + _PBKDF2_DIGEST,
    ],
    ids=["bcrypt", "bcrypt-sha256", "scrypt", "pbkdf2-sha512"],
)
async def test_hashes_of_keystone_verify_and_are_outdated(passwords: Passwords, stored: str) -> None:
    assert await passwords.verify("password", stored)
    assert not await passwords.verify("Password", stored)
    assert passwords.is_outdated(stored)


async def test_bcrypt_reads_72_bytes_as_keystone_does(passwords: Passwords) -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert await passwords.verify("x" * 90, stored)


@pytest.mark.parametrize(
    "stored",
    [
        *(
            "",
            "plain",
            "$2b$",
            "$2b$04$short",
            "$bcrypt-sha256$x",
            "$scrypt$x",
            "$pbkdf2-sha512$x",
            "$argon2id$x",
        ),
        *("$scrypt$ln=0,r=8,p=1$AAAA$AAAA", "$scrypt$ln=4,r=8,p=1$A$AAAA", "$scrypt$ln=40,r=8,p=1$AAAA$AAAA"),
        *("$pbkdf2-sha512$0$AAAA$AAAA", "$pbkdf2-sha512$1$A$AAAA"),
        f"$bcrypt-sha256$v=2,t=2b,r=99${'a' * 22}${'a' * 31}",
    ],
)
async def test_a_broken_hash_is_never_right(passwords: Passwords, stored: str) -> None:
    assert not await passwords.verify("password", stored)
