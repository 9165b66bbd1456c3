"""Hosts of a cloud know each other by certificates, and nobody else."""

import shutil
import ssl
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import pairwise, product
from pathlib import Path

import pytest

from cumulo.core import clock
from cumulo.runtime.cli import keys, main
from cumulo.runtime.doctor import folder
from cumulo.runtime.engines import authority, certificates
from cumulo.runtime.engines.authority import SpoiltAuthority
from cumulo.runtime.state import StateFolder
from cumulo.testing.launched import until


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
    files = [*folder.glob("*-key.pem"), *(cloud.path / "authority").iterdir()]
    assert {file.name for file in files} == {"server-key.pem", "client-key.pem", "001.pem", "lock"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_an_authority_of_two_files_goes_on_as_one(cloud: StateFolder) -> None:
    """As versions before made it: what it has signed is still good, and is kept."""
    folder = certificates.ensure(cloud, cloud)
    at = cloud.path / "authority"
    kept = (folder / "server-cert.pem").read_bytes()
    signer = authority.signer(at)
    (at / "001.pem").unlink()
    (at / "ca-key.pem").write_bytes(authority.private(signer.key))
    (at / "ca-cert.pem").write_bytes((folder / "ca-cert.pem").read_bytes())
    certificates.ensure(cloud, cloud)
    assert (folder / "server-cert.pem").read_bytes() == kept
    assert sorted(file.name for file in at.iterdir()) == ["001.pem", "lock"]
    meet(folder, certificates.ensure(host(cloud, "second"), cloud), "second")


@pytest.mark.parametrize("content", [b"", b"no PEM", b"half"])
def test_a_spoilt_authority_is_named_with_the_mend(cloud: StateFolder, content: bytes) -> None:
    """It is what keeps libvirt from starting, and `up` says so."""
    certificates.ensure(cloud, cloud)
    file = cloud.path / "authority" / "001.pem"
    file.write_bytes(file.read_bytes()[:300] if content == b"half" else content)
    with pytest.raises(
        SpoiltAuthority, match=rf"{file} holds no authority: rm -r {file.parent}, `cumulo up`"
    ):
        certificates.ensure(cloud, cloud)
    shutil.rmtree(file.parent)
    meet(certificates.ensure(cloud, cloud), certificates.ensure(host(cloud, "second"), cloud), "second")


class Pair:
    """A cloud of two hosts, and what their folders held after each change of one."""

    def __init__(self, cloud: StateFolder, places: Iterator[Path]) -> None:
        self.cloud = cloud
        self.hosts = [cloud, host(cloud, "second")]
        self.places = places
        for state in self.hosts:
            certificates.ensure(state, cloud)
        self.seen = [self.kept()]

    def kept(self) -> list[Path]:
        """Return copies of both hosts' folders as they are now."""
        place = next(self.places)
        return [Path(shutil.copytree(one.path / certificates.FOLDER, place / one.host)) for one in self.hosts]

    def turn(self, settle: Callable[[], None] = lambda: None) -> None:
        """Turn the authority."""
        certificates.turn(self.cloud, lambda: self.hosts, settle)

    def meet(self) -> None:
        """See that both believe each other now."""
        first, second = (one.path / certificates.FOLDER for one in self.hosts)
        meet(first, second, "second")
        meet(second, first, "first")


@pytest.fixture
def pair(cloud: StateFolder, tmp_path: Path) -> Pair:
    return Pair(cloud, (tmp_path / "kept" / str(number) for number in range(1000)))


def test_hosts_believe_each_other_at_every_moment_of_a_turn(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when one has read its files a step before the other: a migration's two ends do."""
    provide = certificates._provide

    def provided(state: StateFolder, by: Path) -> None:
        provide(state, by)
        pair.seen.append(pair.kept())

    monkeypatch.setattr(certificates, "_provide", provided)
    steps = []
    pair.turn(lambda: steps.append(len(pair.seen)))
    assert (len(pair.seen), steps) == (7, [3, 5])
    ends = [0, 2, 4, 6]  # what each step leaves
    for number, (before, after) in enumerate(pairwise(ends)):
        for early, late in product(range(before, after + 1), repeat=2):
            meet(pair.seen[early][0], pair.seen[late][1], "second")
            meet(pair.seen[early][1], pair.seen[late][0], "first")
        assert number < 3
    for one, other in ((0, 6), (6, 0), (0, 4), (2, 6)):  # so the pauses are needed
        with pytest.raises(ssl.SSLError):
            meet(pair.seen[one][0], pair.seen[other][1], "second")


def test_a_turn_leaves_nothing_of_the_former_authority(pair: Pair) -> None:
    at = pair.cloud.path / "authority"
    former = authority.signer(at).certificate.serial_number
    old = [(one.path / "certificates" / "server-key.pem").read_bytes() for one in pair.hosts]
    pair.turn()
    assert sorted(file.name for file in at.iterdir()) == ["002.pem", "lock"]
    assert authority.signer(at).certificate.serial_number != former
    new = [(one.path / "certificates" / "server-key.pem").read_bytes() for one in pair.hosts]
    assert len({*old, *new}) == 4
    assert not authority.is_turning(at)
    pair.meet()


class Cut(Exception):
    """The process was killed."""


@contextmanager
def cut_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Have the process die before it changes a file for the so many-th time; give what was changed."""
    changed: list[Path] = []

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def does(path: Path, *arguments: object, **named: object) -> object:
            if len(changed) == number:
                raise Cut
            changed.append(path)
            return change(path, *arguments, **named)

        return does

    with monkeypatch.context() as patch:
        for module in (authority, certificates):
            patch.setattr(module, "write_atomically", counted(module.write_atomically))
        for verb in ("rename", "unlink"):
            patch.setattr(Path, verb, counted(getattr(Path, verb)))
        yield changed


def test_a_turn_that_is_cut_short_anywhere_is_ended_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then hosts believe each other, but for one whose new key has not got its certificate yet."""
    number, whole = 0, False
    while not whole:
        cloud = host(StateFolder(tmp_path / f"cloud-{number}"), "first")
        pair = Pair(cloud, iter([tmp_path / f"kept-{number}"]))
        with cut_at(number, monkeypatch) as changed:
            try:
                pair.turn()
                whole = True
            except Cut:
                assert len(changed) == number
        last = changed[-1].name if changed and not whole else ""
        if not last.endswith("-key.pem"):
            pair.meet()
        pair.turn()
        pair.meet()
        assert not authority.is_turning(pair.cloud.path / "authority")
        number += 1
    assert number > 15


def test_a_host_that_comes_while_the_authority_turns_believes_the_others(pair: Pair) -> None:
    def come() -> None:
        name = f"host-{len(pair.hosts)}"
        pair.hosts.append(host(pair.cloud, name))
        certificates.ensure(pair.hosts[-1], pair.cloud)

    pair.turn(come)
    assert len(pair.hosts) == 4
    for one, other in product(pair.hosts, repeat=2):
        meet(one.path / "certificates", other.path / "certificates", other.host)


def test_hosts_that_others_do_not_believe_are_named_and_mended_by_a_turn(pair: Pair) -> None:
    """A cloud that came back from a backup, of which one host has been started anew."""
    assert certificates.strangers(pair.hosts) == []
    for file in (pair.cloud.path / "authority").iterdir():
        file.unlink()
    certificates.ensure(pair.cloud, pair.cloud)
    assert certificates.strangers(pair.hosts) == pair.hosts
    assert certificates.strangers([*pair.hosts[:1], host(pair.cloud, "none-yet")]) == []
    pair.turn()
    assert certificates.strangers(pair.hosts) == []


def test_the_doctor_names_hosts_that_are_not_believed_and_a_turn_that_was_cut_short(pair: Pair) -> None:
    (pair.hosts[1].path / "number").write_text("2\n")
    at = pair.cloud.path / "authority"
    assert [*folder.authority(pair.cloud)] == []
    authority.propose(at)
    (found,) = folder.authority(pair.cloud)
    assert (found.level, found.mend) == ("note", "`cumulo keys rotate --authority`")
    for file in at.iterdir():
        file.unlink()
    certificates.ensure(pair.cloud, pair.cloud)
    (found,) = folder.authority(pair.cloud)
    assert (found.level, found.mend) == ("bad", "`cumulo keys rotate --authority`")
    assert "first, second" in found.text
    pair.turn()
    assert [*folder.authority(pair.cloud)] == []


@contextmanager
def shown_by_qemu(folder: Path, work: Path) -> Iterator[Path]:
    """Have QEMU's own server show what is in a host's folder; give its socket."""
    disk, socket = work / "disk", work / "nbd"
    disk.write_bytes(bytes(1 << 20))
    credentials = f"tls-creds-x509,id=t,endpoint=server,dir={folder},verify-peer=on"
    words = ["qemu-nbd", "-t", "-r", "-f", "raw", "-k", str(socket), "--object", credentials]
    with subprocess.Popen([*words, "--tls-creds", "t", str(disk)]) as server:
        until(socket.exists, seconds=20, what="qemu-nbd")
        try:
            yield socket
        finally:
            server.kill()


def qemu_believes(folder: Path, socket: Path, name: str) -> bool:
    """Say whether QEMU as a client, with what is in a host's folder, believes who is at a socket."""
    credentials = f"tls-creds-x509,id=t,endpoint=client,dir={folder},verify-peer=on"
    target = f"driver=nbd,server.type=unix,server.path={socket},tls-creds=t,tls-hostname={name}"
    words = ["qemu-img", "info", "--object", credentials, "--image-opts", target]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="cumulo-") as folder:
        yield Path(folder)


def test_qemu_reads_certificates_once_and_believes_whom_they_say(pair: Pair, short_path: Path) -> None:
    """So a migration that has begun goes on by what it began with, whatever is turned meanwhile."""
    places = [short_path / str(number) for number in range(4)]
    pair.places = iter(places)
    first, second = (one.path / certificates.FOLDER for one in pair.hosts)
    with ExitStack() as stack:
        before = stack.enter_context(shown_by_qemu(second, short_path))
        assert qemu_believes(first, before, "second")
        assert not qemu_believes(first, before, "first")
        pair.kept()
        pair.turn(pair.kept)
        assert qemu_believes(places[0] / "first", before, "second")  # as both were at first
        assert qemu_believes(places[1] / "first", before, "second")  # a step later
        assert not qemu_believes(first, before, "second")
        work = short_path / "later"
        work.mkdir()
        after = stack.enter_context(shown_by_qemu(second, work))
        assert qemu_believes(first, after, "second")
        assert qemu_believes(places[2] / "first", after, "second")


def test_the_command_turns_the_authority_of_all_hosts(
    pair: Pair, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair.hosts[1].path / "number").write_text("2\n")
    asked = []
    monkeypatch.setattr(keys, "await_beginnings", asked.append)
    cloud = pair.cloud
    for one in cloud.path.glob("hosts/*"):
        assert one == pair.hosts[1].path
    before = pair.seen[0][1]
    assert main(["--state", str(cloud.path), "keys", "rotate", "--authority"]) == 0
    assert "for 2 host(s)" in capsys.readouterr().out
    assert [[one.host for one in each] for each in asked] == [["first", "second"]] * 2
    with pytest.raises(ssl.SSLError):
        meet(before, cloud.path / "certificates", "first")
    pair.meet()


def test_a_cloud_without_an_authority_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path), "keys", "rotate", "--authority"]) == 1
    assert "`./cumulo --state" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
