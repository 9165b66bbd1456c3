import os
import signal
import sys
from pathlib import Path

import pytest

from cumulo.runtime.engines import processes
from cumulo.runtime.engines.processes import Process, Record, spawn
from cumulo.runtime.supervisor.supervisor import ended


@pytest.fixture
def sleeper(tmp_path):
    process = spawn(["sleep", "60"], log=tmp_path / "sleep.log")
    yield process
    process.terminate(signal.SIGKILL)
    process.wait(5)


def test_a_process_has_a_session_of_its_own(sleeper):
    assert os.getsid(sleeper.pid) == sleeper.pid


async def test_its_end_is_noticed(sleeper):
    assert sleeper.alive()
    sleeper.terminate()
    await ended(sleeper)
    assert not sleeper.alive()


def test_a_record_finds_the_process_again(sleeper, tmp_path):
    record = Record(tmp_path / "sleep.process")
    record.write(sleeper)
    assert record.find() == sleeper
    assert record.find("sleep") == sleeper
    assert record.find("libvirtd") is None


def test_a_record_is_not_fooled_by_a_reused_pid(sleeper, tmp_path):
    record = Record(tmp_path / "sleep.process")
    record.write(Process(sleeper.pid, sleeper.started - 1))
    assert record.find() is None


@pytest.mark.parametrize("content", [None, "", "x y\n", "12"])
def test_a_bad_record_finds_nothing(tmp_path, content):
    file = tmp_path / "a.process"
    if content is not None:
        file.write_text(content)
    assert Record(file).find() is None


def test_output_goes_to_the_log_and_a_long_one_is_moved_aside(tmp_path, monkeypatch):
    log = tmp_path / "program.log"
    monkeypatch.setattr(processes, "LOG_LIMIT", 8)
    for word in ("first", "second", "third"):
        assert spawn([sys.executable, "-c", f"print('{word}')"], log=log).wait(20)
        processes.turn_over(tmp_path)
    assert log.read_text() == "third\n"
    assert Path(f"{log}.1").read_text() == "first\nsecond\n"


def test_a_log_that_is_gone_keeps_no_other_from_being_turned_over(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "LOG_LIMIT", 8)
    for name in "abc":
        (tmp_path / f"{name}.log").write_text("0123456789")
    (tmp_path / "ab.log").symlink_to(tmp_path / "nowhere")
    processes.turn_over(tmp_path)
    assert [(tmp_path / f"{name}.log.1").read_text() for name in "abc"] == ["0123456789"] * 3


def test_nothing_is_sent_to_another_that_has_the_pid_by_now(sleeper):
    Process(sleeper.pid, sleeper.started - 1).terminate(signal.SIGKILL)
    Process(2**22 + 1, 1).terminate(signal.SIGKILL)
    assert sleeper.alive()


def test_the_last_words_are_a_logs_last_line(tmp_path):
    log = tmp_path / "a.log"
    assert processes.last_words(log) == ""
    log.write_text("x" * 9000 + "\nthe disk is full\n\n")
    assert processes.last_words(log) == "; its log ends with: the disk is full"


def test_passwords_of_whoever_starts_something_are_not_handed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_PASSWORD", "secret")
    monkeypatch.setenv("KEPT", "kept")
    log = tmp_path / "a.log"
    code = "import os; print(os.environ.get('OS_PASSWORD'), os.environ['KEPT'])"
    assert spawn([sys.executable, "-c", code], log=log).wait(20)
    assert log.read_text() == "None kept\n"
