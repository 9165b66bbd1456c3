"""Volumes for servers on other hosts: over TCP, for who has a certificate."""

import datetime as dt
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.node.volumes.serving import serving

from cumulo.node.volumes.driver import PoolName
from cumulo.node.volumes.files.exporting import Address
from cumulo.node.volumes.files.folder import LocalFolder
from cumulo.node.volumes.files.pool import FilePool
from cumulo.testing.block_device import attached
from cumulo.testing.volumes import a_volume, content, new_id

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(shutil.which("qemu-storage-daemon") is None, reason="needs QEMU"),
]

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(name: str, usage: x509.ObjectIdentifier | None, issuer: Pair | None) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def lay(folder: Path, name: str, pair: Pair) -> None:
    pem = serialization.Encoding.PEM
    (folder / f"{name}-cert.pem").write_bytes(pair[0].public_bytes(pem))
    kind, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{name}-key.pem").write_bytes(pair[1].private_bytes(pem, kind, none))


@pytest.fixture
def certificates(short_path: Path) -> Path:
    """Return a folder with the server's and the client's certificates."""
    folder = short_path / "tls"
    folder.mkdir()
    authority = certificate("tests", None, None)
    lay(folder, "ca", authority)
    lay(folder, "server", certificate("server", ExtendedKeyUsageOID.SERVER_AUTH, authority))
    lay(folder, "client", certificate("client", ExtendedKeyUsageOID.CLIENT_AUTH, authority))
    return folder


@pytest.fixture
async def pool(short_path: Path, certificates: Path) -> AsyncIterator[FilePool]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    name = PoolName(host="host1", backend="local", pool="volumes", driver="local")
    address = Address("127.0.0.1", (port, port + 1), str(certificates))
    folder = LocalFolder(short_path / "pool")
    pool = FilePool(name=name, folder=folder, run=short_path / "run", address=address)
    async with serving(pool):
        yield pool


async def test_a_volume_is_reached_over_tls_by_who_has_a_certificate(pool: FilePool, certificates: Path):
    spec, export, snapshot, other = a_volume(), new_id(), new_id(), new_id()
    await pool.create(spec)
    access = await pool.open(spec.volume_id, export)
    assert access.tls
    async with attached(access, str(certificates)) as device:
        await device.write(0, b"t" * 512)
        await pool.create_snapshot(spec.volume_id, snapshot)
        seen = await pool.open(spec.volume_id, other, snapshot_id=snapshot)
        assert seen.hosts != access.hosts
        async with attached(seen, str(certificates)) as still:
            await device.write(0, b"u" * 512)
            assert await still.read(0, 512) == b"t" * 512
    copy = a_volume()
    await pool.fill(copy, access)
    assert await content(pool, copy.volume_id, 0, 512) == b"u" * 512
    for one in (export, other):
        await pool.close(spec.volume_id, one)
    assert await content(pool, spec.volume_id, 0, 512) == b"u" * 512


async def test_who_has_none_is_turned_away(pool: FilePool, short_path: Path, certificates: Path):
    spec = a_volume()
    await pool.create(spec)
    access = await pool.open(spec.volume_id, new_id())
    strange = short_path / "strange"
    strange.mkdir()
    shutil.copy(certificates / "ca-cert.pem", strange)
    stranger = certificate("stranger", ExtendedKeyUsageOID.CLIENT_AUTH, certificate("nobody", None, None))
    lay(strange, "client", stranger)
    with pytest.raises(AssertionError, match="does not open"):
        async with attached(access, str(strange)):
            pass
