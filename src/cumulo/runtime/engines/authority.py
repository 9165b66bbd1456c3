"""A cloud's own authority, which vouches for its hosts while guests go from one to another.

It is kept in a folder of the cloud's: `NNN.pem` is an authority's key and its certificate, in one file that
is there whole or not at all. The newest signs, and all are believed. `next.pem` is believed already, and
signs nothing before all hosts believe it. So a turn may be cut short anywhere: what the folder holds says how
far it has come, and hosts that are a step apart believe each other.
"""

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from cumulo.core import clock
from cumulo.node.files import write_atomically
from cumulo.runtime.calling import Hindrance

_NEXT = "next.pem"
_FORMER = ("ca-key.pem", "ca-cert.pem")  # an authority in two files, as they were before they could be turned
_NUMBERED = re.compile(r"\d{3,9}\.pem")
_AGES = timedelta(days=100 * 365)  # it ends with its cloud, or by a turn
_SPOILT = "{file} holds no authority: rm -r {folder}, `cumulo up`, then `cumulo keys rotate --authority`"
_SKEW = timedelta(days=1)  # by which another host's clock may be behind


class SpoiltAuthority(Hindrance):
    """A file of an authority is no such thing; the text says which, and the mend."""


class Authority(NamedTuple):
    """A key, and the certificate by which it is believed."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep others from turning it, and from asking it for certificates. Blocks while another has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def signer(folder: Path) -> Authority:
    """Return the authority that signs, made now when there is none."""
    _adopt(folder)
    if not _numbered(folder):
        write_atomically(folder / "001.pem", _made())
    return _read(_numbered(folder)[-1])


def believed(folder: Path) -> bytes:
    """Return the certificates that hosts are to believe, in PEM."""
    files = [*_numbered(folder), *(folder / name for name in (_NEXT,) if (folder / name).exists())]
    return b"".join(_read(file).certificate.public_bytes(Encoding.PEM) for file in files)


def propose(folder: Path) -> None:
    """Have another authority that is believed; one that a turn cut short left is taken up."""
    signer(folder)
    if not (folder / _NEXT).exists():
        write_atomically(folder / _NEXT, _made())


def promote(folder: Path) -> None:
    """Have the proposed one sign; the former is still believed."""
    if (folder / _NEXT).exists():
        (folder / _NEXT).rename(folder / f"{int(_numbered(folder)[-1].stem) + 1:03}.pem")


def forget(folder: Path) -> None:
    """Believe no former one any more."""
    for file in _numbered(folder)[:-1]:
        file.unlink()


def is_turning(folder: Path) -> bool:
    """Say whether a turn was begun and not ended."""
    return (folder / _NEXT).exists() or len(_numbered(folder)) > 1


def signed(
    name: x509.Name,
    public: ec.EllipticCurvePublicKey,
    by: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    until: datetime,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    """Return a certificate for a public key, good from now on."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - _SKEW)
        .not_valid_after(until)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(key, hashes.SHA256())


def use(*, signs: bool) -> x509.KeyUsage:
    """Return what a key is for: signing certificates, or proving who one is."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _made() -> bytes:
    """Return a new authority as its file has it. Its name is its own: two may be believed at a time."""
    key = ec.generate_private_key(ec.SECP256R1())
    common = f"hosts of a cloud, {secrets.token_hex(8)}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    extensions = (x509.BasicConstraints(ca=True, path_length=0), use(signs=True))
    certificate = signed(name, key.public_key(), name, key, clock.now() + _AGES, *extensions)
    return private(key) + certificate.public_bytes(Encoding.PEM)


def _adopt(folder: Path) -> None:
    """Have a former authority's two files in one."""
    former = [folder / name for name in _FORMER]
    if not _numbered(folder) and all(file.exists() for file in former):
        write_atomically(folder / "001.pem", b"".join(file.read_bytes() for file in former))
    for file in former:
        file.unlink(missing_ok=True)


def _numbered(folder: Path) -> list[Path]:
    """Return the files of the authorities that sign or have signed, the oldest first."""
    return sorted(
        (file for file in folder.glob("*.pem") if _NUMBERED.fullmatch(file.name)),
        key=lambda file: int(file.stem),
    )


def _read(file: Path) -> Authority:
    content = file.read_bytes()
    try:
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise SpoiltAuthority(_SPOILT.format(file=file, folder=file.parent)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SpoiltAuthority(_SPOILT.format(file=file, folder=file.parent))
    return Authority(key, certificate)
