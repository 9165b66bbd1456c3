"""Clouds that are broken on purpose: what the doctor finds, and what it says to do."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from cumulo.runtime.backup.contents import KEYS
from cumulo.runtime.cli import down, main, up
from cumulo.runtime.doctor.examination import examine
from cumulo.runtime.engines.processes import Process, Record, spawn, started
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.keeping import supervisor_of
from cumulo.runtime.supervisor.parts import PartState, PartStatus, Status, write_status

pytestmark = pytest.mark.xdist_group("server")
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'


@pytest.fixture(scope="module")
def state() -> Iterator[StateFolder]:
    """A cloud that runs, without engines, and to which each test does one thing that it undoes."""
    with scratch_cloud("doctor-test", SETTINGS) as made:
        yield made


def bad(state: StateFolder, about: str) -> tuple[str, str]:
    """Return the text and the mend of the one thing that is wrong about something."""
    wrong = [one for one in examine(state) if one.level == "bad"]
    assert {one.about for one in wrong} == {about}, wrong
    return " / ".join(one.text for one in wrong), " / ".join(one.mend for one in wrong)


def notes(state: StateFolder, about: str) -> list[tuple[str, str]]:
    return [(one.text, one.mend) for one in examine(state) if one.level == "note" and one.about == about]


@contextlib.contextmanager
def stopped(state: StateFolder) -> Iterator[None]:
    down.stop(state, with_guests=True, grace=0)
    try:
        yield
    finally:
        assert up.start(state.path) is not None


def test_a_healthy_cloud_has_nothing_to_mend(state: StateFolder, capsys: pytest.CaptureFixture[str]):
    assert [one for one in examine(state) if one.level == "bad"] == []
    assert notes(state, "supervisor") == []
    assert main(["doctor", "--state", str(state.path)]) == 0
    assert "this machine is fit" in capsys.readouterr().out


def test_1_a_folder_that_others_may_read(state: StateFolder):
    state.path.chmod(0o755)
    (state.path / "admin-password").chmod(0o644)
    text, mend = bad(state, "folder")
    assert "others may read admin-password" in text
    assert f"chmod -R go= {state.path}" in mend
    subprocess.run(["/bin/chmod", "-R", "go=", state.path], check=True)
    assert [one for one in examine(state) if one.level == "bad"] == []


def test_2_a_folder_of_another_user(state: StateFolder):
    os.chown(state.path, 12345, -1)
    try:
        assert "belongs to user 12345" in bad(state, "folder")[0]
        assert bad(state, "folder")[1] == f"chown root: {state.path}"
    finally:
        os.chown(state.path, 0, 0)


def test_3_a_port_that_another_process_has(state: StateFolder):
    port = runtime_settings(state).http.port
    with stopped(state), socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        text, mend = bad(state, "cloud")
        assert f"(pid {os.getpid()}) has port {port}" in text
        assert f"set [http] port in {state.config}" in mend


def test_4_a_database_that_is_damaged(state: StateFolder):
    with stopped(state):
        file = state.path / "cumulo.db"
        whole = file.read_bytes()
        file.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
        text, mend = bad(state, "database")
        assert "is damaged" in text
        assert "restore FILE --force" in mend
        file.write_bytes(b"not at all a database" * 1000)
        assert "is damaged" in bad(state, "database")[0]
        file.unlink()
        assert "is missing" in bad(state, "database")[0]
        file.write_bytes(whole)


def test_5_a_database_of_a_newer_cumulo(state: StateFolder):
    with stopped(state):
        connection = apsw.Connection(str(state.path / "cumulo.db"))
        real = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        text, mend = bad(state, "database")
        assert "revision 9999, which only a newer Cumulo knows" in text
        assert "run the newer Cumulo" in mend
        connection.execute("UPDATE alembic_version SET version_num = ?", real[0])
        connection.close()


def test_6_a_supervisor_that_was_killed(state: StateFolder):
    supervisor = supervisor_of(state)
    assert supervisor is not None
    supervisor.terminate(signal.SIGKILL)
    assert supervisor.wait(10)
    text, mend = bad(state, "supervisor")
    assert "nobody keeps server running" in text
    assert "`cumulo up`" in mend
    assert up.start(state.path) is not None


def test_7_notes_of_processes_that_are_gone(state: StateFolder):
    with stopped(state):
        Record(state.run / "server.process").write(Process(2**22 - 1, 1))
        ((text, mend),) = notes(state, "supervisor")
        assert "server ended without being told to" in text
        assert "`cumulo up`" in mend


@pytest.mark.parametrize("name", KEYS)
def test_8_keys_that_are_lost(state: StateFolder, name: str):
    folder = state.path / name
    aside = folder.rename(folder.with_suffix(".aside"))
    try:
        text, mend = bad(state, "keys")
        assert f"{folder} has no key" in text
        assert "restore FILE --force" in mend
    finally:
        aside.rename(folder)


def test_9_a_key_that_is_damaged(state: StateFolder):
    key = next((state.path / "token-keys").glob("*.key"))
    whole = key.read_text()
    key.write_text(whole[:10])
    try:
        text, mend = bad(state, "keys")
        assert str(key) in text
        assert "restore FILE --force" in mend
    finally:
        key.write_text(whole)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[htpt]\nport = 1\n", "htpt"),
        ("[log]\nlevle = 1\n", "levle"),
        ('[log]\nlevel = "LOUD"\n', "LOUD"),
        ("[database]\nconnections = 0\n", "connections"),
        ("[http\n", "line"),
    ],
)
def test_10_settings_that_are_none(state: StateFolder, line: str, said: str):
    whole = state.config.read_text()
    state.config.write_text(whole + line)
    try:
        wrong = [one for one in examine(state) if one.level == "bad"]
        assert [one.about for one in wrong] == ["settings"]
        assert said in wrong[0].text
        assert str(state.config) in wrong[0].mend
    finally:
        state.config.write_text(whole)


def test_11_a_restore_that_was_interrupted(state: StateFolder):
    state.unfinished.touch()
    try:
        assert "not finished" in bad(state, "restore")[0]
    finally:
        state.unfinished.unlink()


def test_12_a_part_that_does_not_stay_up(state: StateFolder):
    with stopped(state):
        me = started(os.getpid()) or 0
        Record(state.run / "supervisor.process").write(Process(os.getpid(), me))
        failed = PartStatus(name="ovn-northd", state=PartState.FAILED, error="ended (exit status 1): no room")
        write_status(state.status, Status(pid=os.getpid(), started=0.0, parts=[failed]))
        text, mend = bad(state, "cloud")
        assert "ovn-northd does not stay up: ended (exit status 1): no room" in text
        assert mend == "`cumulo logs ovn-northd` says more"
        Record(state.run / "supervisor.process").remove()
        state.status.unlink()


@pytest.mark.engines
def test_13_a_database_of_ovn_that_is_damaged(state: StateFolder):
    folder = state.path / "ovsdb"
    folder.mkdir()
    file = folder / "nb.db"
    subprocess.run(["ovsdb-tool", "create", file, "/usr/share/ovn/ovn-nb.ovsschema"], check=True)
    assert [one for one in examine(state) if one.level == "bad"] == []
    insert = '["OVN_Northbound", {"op": "insert", "table": "Logical_Switch", "row": {"name": "lan"}}]'
    subprocess.run(["ovsdb-tool", "transact", file, insert], check=True, capture_output=True)
    file.write_bytes(file.read_bytes().replace(b'"lan"', b'"LAN"'))
    text, mend = bad(state, "engines")
    assert "nb.db is damaged" in text
    assert f"rm {file}" in mend
    shutil.rmtree(folder)


@pytest.mark.engines
def test_14_engines_that_hang_or_are_gone(tmp_path: Path):
    """One database of a cloud's answers nobody, the other engines do not run at all."""
    state = StateFolder(tmp_path / "state")
    state.prepare()
    Record(state.run / "supervisor.process").write(Process(os.getpid(), started(os.getpid()) or 0))
    silent = spawn(
        [sys.executable, "-c", _SILENT, str(state.socket("nb"))],
        log=tmp_path / "log",
    )
    try:
        Record(state.run / "ovsdb-nb.process").write(silent)
        give_up = time.monotonic() + 20
        while not state.socket("nb").exists():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        wrong = [one for one in examine(state) if one.about == "engines"]
        assert [one.text for one in wrong] == [
            f"ovsdb-nb (pid {silent.pid}) runs and does not answer",
            "ovs-vswitchd does not run",
            "libvirtd does not run",
        ]
        assert f"kill -9 {silent.pid}" in wrong[0].mend
        assert [one.mend for one in wrong[1:]] == [
            "`cumulo logs ovs-vswitchd` says why",
            "`cumulo logs libvirtd` says why",
        ]
    finally:
        silent.terminate(signal.SIGKILL)
        silent.wait(5)
        state.short_run.unlink()


_SILENT = """
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
time.sleep(600)
"""
