"""The supervisor with small programs in place of engines."""

import asyncio
import errno
import signal
import sys
from dataclasses import replace

import pytest

from cumulo.runtime import state as state_module
from cumulo.runtime.engines.engine import CommandFailed, Engine
from cumulo.runtime.engines.processes import Process, Record, spawn
from cumulo.runtime.hosts.folder import make
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor import PartState, Supervisor, keeping, read_status, supervisor
from cumulo.runtime.supervisor import __main__ as process_of_supervisor
from cumulo.runtime.supervisor.parts import PartStatus, Status, write_status
from cumulo.testing import launched

TOUCH_AND_STAY = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"


@pytest.fixture
def state(tmp_path, monkeypatch) -> StateFolder:
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setattr(state_module, "RUN", links)
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE", 0.01)
    folder = StateFolder(tmp_path / "state")
    folder.prepare()
    return folder


def part(state: StateFolder, name: str, *after: str) -> Engine:
    """A program that is ready when its file is there."""
    file = state.run / f"{name}.ready"

    async def before_start() -> None:
        file.unlink(missing_ok=True)

    async def ready() -> bool:
        return file.exists()

    command = [sys.executable, "-c", TOUCH_AND_STAY, str(file)]
    return Engine(
        name=name, program="python", command=command, ready=ready, after=after, before_start=before_start
    )


@pytest.fixture
async def running(state):
    """Start supervisors that are stopped at the end, parts and all."""
    started = []

    async def run(*engines: Engine) -> Supervisor:
        one = Supervisor(state, engines)
        started.append(one)
        one.start()
        async with asyncio.timeout(20):
            await one.up()
        return one

    yield run
    for one in reversed(started):
        await one.stop()


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  it waits for another process
            await asyncio.sleep(0.01)


async def test_parts_start_after_what_they_need(state, running):
    one = await running(part(state, "second", "first"), part(state, "first"))
    found = {status.name: status for status in read_status(state.status).parts}
    assert {status.state for status in found.values()} == {PartState.RUNNING}
    assert found["first"].since <= found["second"].since
    assert one.parts["first"].process.alive()


async def test_a_part_that_dies_is_started_again(state, running):
    one = await running(part(state, "a"))
    first = one.parts["a"].process
    first.terminate(signal.SIGKILL)
    await until(lambda: one.parts["a"].up.is_set() and one.parts["a"].process != first)
    status = read_status(state.status).parts[0]
    assert (status.restarts, status.state) == (1, PartState.RUNNING)


async def left(state):
    """Give a supervisor that is gone, and the process of the part that it left behind."""
    before = Supervisor(state, [part(state, "a")])
    before.start()
    await before.up()
    process = before.parts["a"].process
    await before.stop(leave=["a"])
    return before, process


async def test_a_new_supervisor_adopts_what_runs(state, running):
    _, process = await left(state)
    after = await running(part(state, "a"))
    assert after.parts["a"].process == process
    assert after.parts["a"].status.adopted


async def test_a_part_that_a_killed_supervisor_never_recorded_is_adopted(state, running):
    before, process = await left(state)
    before.record("a").remove()
    after = await running(part(state, "a"))
    assert after.parts["a"].process == process
    assert after.parts["a"].status.adopted
    assert after.record("a").find("python") == process


async def test_a_part_that_was_never_recorded_is_stopped_with_the_rest(state):
    before, process = await left(state)
    before.record("a").remove()
    await Supervisor(state, [part(state, "a")]).stop()
    assert not process.alive()


async def test_an_adopted_part_is_started_again_when_it_dies(state, running):
    await left(state)
    after = await running(part(state, "a"))
    process = after.parts["a"].process
    process.terminate(signal.SIGKILL)
    await until(lambda: after.parts["a"].up.is_set() and after.parts["a"].process != process)
    assert not after.parts["a"].status.adopted


async def test_users_stop_before_what_they_use(state):
    order = []

    def noting(engine: Engine) -> Engine:
        async def once_stopped() -> None:
            order.append(engine.name)

        return replace(engine, once_stopped=once_stopped)

    engines = [noting(part(state, "a")), noting(part(state, "b", "a")), noting(part(state, "c", "b"))]
    one = Supervisor(state, engines)
    one.start()
    await one.up()
    processes = [one.parts[name].process for name in "abc"]
    await one.stop()
    assert order == ["c", "b", "a"]
    assert not any(process.alive() for process in processes)
    assert {status.state for status in read_status(state.status).parts} == {PartState.STOPPED}


async def test_a_part_that_ignores_the_end_is_killed(state, monkeypatch):
    monkeypatch.setattr(supervisor, "_GRACE", 0.4)
    stubborn = f"import signal; signal.signal(15, signal.SIG_IGN); {TOUCH_AND_STAY}"
    engine = replace(part(state, "a"), command=[sys.executable, "-c", stubborn, str(state.run / "a.ready")])
    one = Supervisor(state, [engine])
    one.start()
    await one.up()
    process = one.parts["a"].process
    await one.stop()
    assert not process.alive()


async def test_a_failure_to_prepare_is_shown_and_tried_again(state, running):
    tries = []
    engine = part(state, "a")

    async def before_start() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise CommandFailed("no schema here")

    one = await running(replace(engine, before_start=before_start))
    assert len(tries) == 3
    assert one.parts["a"].status.restarts == 2
    assert one.parts["a"].status.error == ""


async def test_the_last_words_of_a_part_are_its_error(state):
    engine = replace(part(state, "a"), command=[sys.executable, "-c", "raise SystemExit('the disk is full')"])
    one = Supervisor(state, [engine])
    one.start()
    await until(lambda: one.parts["a"].status.state is PartState.FAILED)
    assert "the disk is full" in read_status(state.status).parts[0].error
    await one.stop()


async def test_a_failure_that_nobody_foresaw_is_shown_and_tried_again(state, running):
    """Such as a spoilt certificate: or the part would be `starting` for ever, and nothing would say why."""
    tries = []
    engine = part(state, "a")

    async def before_start() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("no PEM here")

    shown = []
    one = Supervisor(state, [replace(engine, before_start=before_start)])
    note = one._note
    one._note = lambda *words, **named: (note(*words, **named), shown.append(named.get("error")))
    one.start()
    async with asyncio.timeout(20):
        await one.up()
    await one.stop()
    assert "ValueError: no PEM here" in shown


def ignoring_the_end(state) -> Process:
    ready = state.run / "stubborn"
    code = f"import signal; signal.signal(15, signal.SIG_IGN); {TOUCH_AND_STAY}"
    process = spawn([sys.executable, "-c", code, str(ready)], log=state.logs / "stubborn.log")
    Record(state.run / "supervisor.process").write(process)
    launched.until(ready.exists, seconds=20)
    return process


def test_a_supervisor_that_does_not_end_is_killed(state, monkeypatch):
    """Or it would start again what `down` stops."""
    monkeypatch.setattr(keeping, "_PATIENCE", 0.3)
    process = ignoring_the_end(state)
    keeping.stop_supervisor(state)
    assert not process.alive()


def test_who_calls_up_at_the_same_time_waits_for_the_one_that_was_first(state):
    first = ignoring_the_end(state)
    second = spawn([sys.executable, "-c", "print('another')"], log=state.logs / "supervisor.log")
    assert second.wait(20)
    parts = [PartStatus(name="a", state=PartState.RUNNING)]
    write_status(state.status, Status(pid=first.pid, started=0, parts=parts))
    try:
        assert keeping.wait_until_up(state, second) == ""
    finally:
        first.terminate(signal.SIGKILL)
        first.wait(20)
    parts[0].state = PartState.STARTING
    write_status(state.status, Status(pid=first.pid, started=0, parts=parts))
    assert keeping.wait_until_up(state, second) == "the supervisor ended; its log ends with: another"


async def test_hosts_start_with_a_cloud_that_stays_in_the_foreground(state, monkeypatch):
    """As a service unit has it: no command waits there that would start them."""
    (state.path / "underlay").write_text("100.64.7.1/24\n")
    host = make(state, "second")
    begun = []
    monkeypatch.setattr(keeping, "begin", lambda folder: begun.append(folder.path))
    await process_of_supervisor._start_hosts(Supervisor(state, []))
    assert begun == [host.path]


async def test_a_host_that_cannot_start_keeps_no_other_from_it(state, monkeypatch, capsys):
    (state.path / "underlay").write_text("100.64.7.1/24\n")
    make(state, "second")
    third = make(state, "third")
    begun = []

    def begin(folder: StateFolder) -> None:
        if folder.path != third.path:
            raise OSError(errno.ENOSPC, "No space left on device")
        begun.append(folder.path)

    monkeypatch.setattr(keeping, "begin", begin)
    await process_of_supervisor._start_hosts(Supervisor(state, []))
    assert begun == [third.path]
    assert "host second: OSError" in capsys.readouterr().out


async def test_a_full_disk_ends_no_part_that_runs(state, running, monkeypatch):
    """Its record cannot be written; it is found by its mark all the same."""
    _, process = await left(state)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Record, "write", full)
    after = await running(part(state, "a"))
    assert after.parts["a"].process == process
    assert after.parts["a"].status.restarts == 0
