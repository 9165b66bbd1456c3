"""Guests as commands see them, who cannot ask the server."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cumulo.runtime import guests
from cumulo.runtime.engines.libvirt import guests_running
from cumulo.runtime.state import StateFolder
from cumulo.testing.launched import until


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.path.mkdir()
    (state.path / "instance").write_text("none\n")
    return state


@pytest.mark.parametrize("hangs", [False, True])
def test_guests_are_ended_where_libvirt_is_of_no_help(
    state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    """A `reset` would leave them for ever, or hang itself: there is nobody else who would end them."""
    notes = state.path / "libvirt" / "run" / "qemu"
    notes.mkdir(parents=True)
    program = Path(shutil.copy("/bin/sleep", tmp_path / "qemu-system-x86_64"))
    monkeypatch.setattr(guests, "_PATIENCE", 2)
    monkeypatch.setattr(guests, "uri", lambda _: f"qemu:///system?socket={tmp_path}/silent")
    with (
        socket.socket(socket.AF_UNIX) as silent,
        subprocess.Popen(["guest=cuabcd-one", "60"], executable=program) as guest,
    ):
        if hangs:
            silent.bind(f"{tmp_path}/silent")
            silent.listen()
        (notes / "cuabcd-one.pid").write_text(str(guest.pid))
        until(lambda: guests_running(state) == 1, what="the guest shows its name")
        guests.stop_all(state, grace=0)
        assert guests_running(state) == 0


def test_only_guests_that_were_on_their_way_are_waited_for(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that begin later have read what there is by then."""
    looks = [{("a", "one"), ("b", "two")}, {("b", "two"), ("a", "three")}, {("a", "three")}]
    monkeypatch.setattr(guests, "_LOOK", 0)
    monkeypatch.setattr(guests, "_moving", lambda hosts: looks.pop(0) if hosts == [state] else set())
    guests.await_beginnings([state])
    assert looks == []


def test_a_guest_that_has_long_begun_is_not_waited_for(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "_LOOK", 0)
    monkeypatch.setattr(guests, "_BEGINNING", 0)
    monkeypatch.setattr(guests, "_moving", lambda _: {("a", "one")})
    guests.await_beginnings([state])


def test_what_libvirt_says_of_guests_that_are_off_meanwhile_is_not_printed():
    script = (
        "from cumulo.runtime.guests import connected, libvirt\n"
        "with connected('test:///default') as connection:\n"
        "    domain = connection.listAllDomains()[0]\n"
        "    domain.destroy()\n"
        "    try: domain.destroy()\n"
        "    except libvirt.libvirtError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "not running" in done.stdout
    assert not done.stderr
