"""The certificates by which the hosts of a cloud know each other while a guest goes from one to another.

A cloud has an authority of its own in its state folder, made when it is first needed. Each host has a key and
a certificate for its name in its own folder, under the names that QEMU asks for (its `tls-creds-x509`). QEMU
reads them when a guest's migration begins, at either end, and keeps what it has read until that is over.
"""

import contextlib
import ipaddress
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cumulo.core import clock
from cumulo.node.files import write_atomically
from cumulo.runtime.engines import authority
from cumulo.runtime.engines.authority import Authority
from cumulo.runtime.state import StateFolder

AUTHORITY = "authority"
FOLDER = "certificates"
CA = "ca-cert.pem"
OWN = ("server", "client")  # a host is the one to guests that come, the other for those that leave
_LIFETIME = timedelta(days=10 * 365)  # of a host's; at a start within the second half it gets a new one


def ensure(state: StateFolder, cloud: StateFolder) -> Path:
    """Have a host's certificate by the authority of its cloud; return the folder that QEMU is told of."""
    with authority.held(cloud.path / AUTHORITY):
        _provide(state, cloud.path / AUTHORITY)
    return state.path / FOLDER


def turn(cloud: StateFolder, hosts: Callable[[], Iterable[StateFolder]], settle: Callable[[], None]) -> None:
    """Give a cloud's hosts another authority and new keys, while guests may go from one to another.

    In three steps: all hosts believe the next one too; they show certificates by it; they believe no other.
    Who has read the files before a step and who reads them after it believe each other; two steps apart they
    would not, so `settle` is called in between, and returns when nobody begins by what was read before. When
    that is cut short, another turn goes on from there.
    """
    steps = (authority.propose, authority.promote, authority.forget)
    for step in steps:
        with authority.held(cloud.path / AUTHORITY):
            step(cloud.path / AUTHORITY)
            for state in hosts():  # one that has come meanwhile has asked for a certificate by itself
                _provide(state, cloud.path / AUTHORITY)
        if step is not steps[-1]:
            settle()


def strangers(hosts: Iterable[StateFolder]) -> list[StateFolder]:
    """Return the hosts whose certificate not all believe; those that have none yet are left out."""
    shown = {state: found for state in hosts if (found := _shown(state.path / FOLDER)) is not None}
    return [
        state
        for state, (own, _) in shown.items()
        if not all(_is_by_one_of(own, trusted) for _, trusted in shown.values())
    ]


def _shown(folder: Path) -> tuple[x509.Certificate, list[x509.Certificate]] | None:
    """Return what a host shows, and whom it believes."""
    own, trusted = folder / f"{OWN[0]}-cert.pem", folder / CA
    if not own.exists() or not trusted.exists():
        return None
    return (
        x509.load_pem_x509_certificate(own.read_bytes()),
        x509.load_pem_x509_certificates(trusted.read_bytes()),
    )


def _is_by_one_of(certificate: x509.Certificate, signers: Iterable[x509.Certificate]) -> bool:
    for signer in signers:
        with contextlib.suppress(ValueError, InvalidSignature):  # another's name, or only its name
            certificate.verify_directly_issued_by(signer)
            return True
    return False


def _provide(state: StateFolder, by: Path) -> None:
    """Have in a host's folder what it shows and whom it believes, as the authority in `by` says."""
    folder, signer = state.path / FOLDER, authority.signer(by)
    if not all(_lasts(folder, name, signer.certificate) for name in OWN):
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = _issued(state.host, own.public_key(), signer).public_bytes(Encoding.PEM)
        for name in OWN:
            write_atomically(folder / f"{name}-key.pem", authority.private(own))
            write_atomically(folder / f"{name}-cert.pem", certificate)
    believed = authority.believed(by)
    if not (folder / CA).exists() or (folder / CA).read_bytes() != believed:
        write_atomically(folder / CA, believed)


def _lasts(folder: Path, name: str, signer: x509.Certificate) -> bool:
    """Say whether a certificate is there with its key, is by this signer, and good for long."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}-cert.pem").read_bytes())
        key = load_pem_private_key((folder / f"{name}-key.pem").read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return False
    good = certificate.not_valid_after_utc > clock.now() + _LIFETIME / 2
    return good and certificate.public_key() == key.public_key() and _is_by_one_of(certificate, [signer])


def _issued(host: str, public: ec.EllipticCurvePublicKey, signer: Authority) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    extensions = (
        x509.BasicConstraints(ca=False, path_length=None),
        authority.use(signs=False),
        x509.ExtendedKeyUsage(both),
        x509.SubjectAlternativeName([_general(host)]),
    )
    until = clock.now() + _LIFETIME
    return authority.signed(name, public, signer.certificate.subject, signer.key, until, *extensions)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
