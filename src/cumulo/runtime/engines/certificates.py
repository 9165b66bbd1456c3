"""The certificates by which the hosts of a cloud know each other while a guest goes from one to another.

A cloud has an authority of its own in its state folder, made when it is first needed. Each host has a key and
a certificate for its name in its own folder, under the names that QEMU asks for (its `tls-creds-x509`).
"""

import ipaddress
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cumulo.core import clock
from cumulo.node.files import write_atomically
from cumulo.runtime.state import StateFolder

AUTHORITY = "authority"
FOLDER = "certificates"
CA, CA_KEY = "ca-cert.pem", "ca-key.pem"
OWN = ("server", "client")  # a host is the one to guests that come, the other for those that leave
_AGES = timedelta(days=100 * 365)  # the authority's; it ends with its cloud
_LIFETIME = timedelta(days=10 * 365)  # of a host's; at a start within the second half it gets a new one
_SKEW = timedelta(days=1)  # by which another host's clock may be behind


def ensure(state: StateFolder, cloud: StateFolder) -> Path:
    """Have a host's certificate by the authority of its cloud; return the folder that QEMU is told of."""
    key, authority = _authority(cloud.path / AUTHORITY)
    folder = state.path / FOLDER
    known = authority.public_bytes(serialization.Encoding.PEM)
    if not _lasts(folder, known):
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = _issued(state.host, own.public_key(), authority, key)
        for name in OWN:
            write_atomically(folder / f"{name}-key.pem", _private(own))
            write_atomically(
                folder / f"{name}-cert.pem", certificate.public_bytes(serialization.Encoding.PEM)
            )
        write_atomically(folder / CA, known)  # last: by it the others are known to be whole
    return folder


def _authority(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return the authority's key and certificate, made now when there are none."""
    if not (folder / CA).exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hosts of a cloud")])
        extensions = (x509.BasicConstraints(ca=True, path_length=0), _usage(signs=True))
        certificate = _signed(name, key.public_key(), name, key, _AGES, *extensions)
        write_atomically(folder / CA_KEY, _private(key))
        write_atomically(folder / CA, certificate.public_bytes(serialization.Encoding.PEM))
    kept = serialization.load_pem_private_key((folder / CA_KEY).read_bytes(), None)
    if not isinstance(kept, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{folder / CA_KEY} holds no key of ours")
    return kept, x509.load_pem_x509_certificate((folder / CA).read_bytes())


def _lasts(folder: Path, authority: bytes) -> bool:
    """Say whether a host's certificate is by this authority, and good for long."""
    if not (folder / CA).exists() or (folder / CA).read_bytes() != authority:
        return False
    files = [folder / f"{name}-cert.pem" for name in OWN]
    soon = clock.now() + _LIFETIME / 2
    found = [x509.load_pem_x509_certificate(file.read_bytes()) for file in files if file.exists()]
    return len(found) == len(files) and all(each.not_valid_after_utc > soon for each in found)


def _issued(
    host: str,
    public: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    extensions = (
        x509.BasicConstraints(ca=False, path_length=None),
        _usage(signs=False),
        x509.ExtendedKeyUsage(both),
        x509.SubjectAlternativeName([_general(host)]),
    )
    return _signed(name, public, authority.subject, key, _LIFETIME, *extensions)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signed(
    name: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    lifetime: timedelta,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    now = clock.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + lifetime)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(key, hashes.SHA256())


def _usage(*, signs: bool) -> x509.KeyUsage:
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


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
