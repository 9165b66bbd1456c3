"""Hosts of a cloud know each other by certificates, and nobody else."""

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from cumulo.core import clock
from cumulo.runtime.engines import certificates
from cumulo.runtime.state import StateFolder


def host(cloud: StateFolder, name: str) -> StateFolder:
    """Return the folder of a cloud's further host."""
    state = StateFolder(cloud.path / "hosts" / name)
    state.path.mkdir(parents=True)
    (state.path / "host").write_text(name)
    return state


@pytest.fixture
def cloud(tmp_path: Path) -> StateFolder:
    return host(StateFolder(tmp_path), "first")


def meet(coming: Path, there: Path, name: str) -> None:
    """Shake hands: a host with the files in `coming` calls the one with those in `there` by a name."""
    caller, answerer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    caller.load_verify_locations(coming / "ca-cert.pem")
    caller.load_cert_chain(coming / "client-cert.pem", coming / "client-key.pem")
    answerer.load_verify_locations(there / "ca-cert.pem")
    answerer.load_cert_chain(there / "server-cert.pem", there / "server-key.pem")
    answerer.verify_mode = ssl.CERT_REQUIRED
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        caller.wrap_bio(down, up, server_hostname=name),
        answerer.wrap_bio(up, down, server_side=True),
    ]
    waiting = set(range(2))
    for _ in range(6):  # flights of TLS 1.3, and some
        for number in sorted(waiting):
            try:
                ends[number].do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.discard(number)
    assert not waiting


def test_hosts_of_one_cloud_believe_each_other(cloud: StateFolder) -> None:
    """By the name that each is asked for, in both directions."""
    first = certificates.ensure(cloud, cloud)
    second = certificates.ensure(host(cloud, "second"), cloud)
    meet(first, second, "second")
    meet(second, first, "first")
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(first, second, "first")


def test_a_host_of_another_cloud_is_not_believed(cloud: StateFolder, tmp_path: Path) -> None:
    mine = certificates.ensure(cloud, cloud)
    other = host(StateFolder(tmp_path / "other"), "first")
    theirs = certificates.ensure(other, other)
    with pytest.raises(ssl.SSLError):
        meet(theirs, mine, "first")
    with pytest.raises(ssl.SSLError):
        meet(mine, theirs, "first")


def test_a_certificate_is_kept_until_half_of_its_time_is_over(
    cloud: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = certificates.ensure(cloud, cloud)
    first = (folder / "server-cert.pem").read_bytes()
    certificates.ensure(cloud, cloud)
    assert (folder / "server-cert.pem").read_bytes() == first
    later = clock.now() + timedelta(days=6 * 365)
    monkeypatch.setattr(clock, "now", lambda: later)
    certificates.ensure(cloud, cloud)
    assert (folder / "server-cert.pem").read_bytes() != first


def test_a_host_that_was_cut_short_or_has_another_authority_gets_its_own(cloud: StateFolder) -> None:
    """A cloud that came back from a backup has a new authority."""
    further = host(cloud, "second")
    folder = certificates.ensure(further, cloud)
    (folder / "client-cert.pem").unlink()
    meet(certificates.ensure(further, cloud), folder, "second")
    for file in (cloud.path / "authority").iterdir():
        file.unlink()
    first = certificates.ensure(cloud, cloud)
    with pytest.raises(ssl.SSLError):
        meet(first, folder, "second")
    meet(first, certificates.ensure(further, cloud), "second")


def test_keys_are_for_root_alone(cloud: StateFolder) -> None:
    folder = certificates.ensure(cloud, cloud)
    keys = [*folder.glob("*-key.pem"), *(cloud.path / "authority").glob("*-key.pem")]
    assert len(keys) == 3
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
