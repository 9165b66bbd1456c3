"""Keep parts running: start them side by side, adopt those that run already, start again those that end."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from cumulo.runtime.calling import Hindrance
from cumulo.runtime.engines.engine import CommandFailed, Engine, run
from cumulo.runtime.engines.processes import (
    MARK,
    Process,
    Record,
    last_words,
    reap,
    spawn,
    turn_over,
    unrecorded,
)
from cumulo.runtime.state import StateFolder
from cumulo.runtime.supervisor.parts import Part, PartState, Status, write_status

_FIRST_PAUSE = 0.2  # seconds before a part that ended is started again; doubled at each failure
_LONGEST_PAUSE = 30.0
_STEADY = 60.0  # seconds of running after which a part's failures are forgotten
_PATIENCE = 60.0  # seconds within which a started part must be ready
_GRACE = 10.0  # seconds between asking a part to stop and killing it
_ASK_EVERY = 0.02
_LOOK_AT_LOGS_EVERY = 600.0


class NotReady(Exception):
    """A part ended before it was ready, or took too long."""


_FORESEEN = (Hindrance, NotReady, OSError, subprocess.CalledProcessError)


class Supervisor:
    """Keeps `engines` running for the cloud of a state folder."""

    def __init__(self, state: StateFolder, engines: Iterable[Engine]) -> None:
        self.state = state
        self.engines = {engine.name: engine for engine in engines}
        self.parts = {name: Part(name) for name in self.engines}
        self._started = time.time()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin to keep every part; returns at once."""
        self._publish()
        for name, engine in self.engines.items():
            self._tasks[name] = asyncio.create_task(self._keep(engine), name=f"keep {name}")
        self._tasks["logs"] = asyncio.create_task(self._turn_logs_over(), name="logs")

    async def up(self) -> None:
        """Wait until every part is running."""
        for part in self.parts.values():
            await part.up.wait()

    async def stop(self, leave: Iterable[str] = ()) -> None:
        """Stop keeping, then stop the parts, users before what they use; `leave` go on by themselves."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        left = set(leave)
        remaining = {name: e for name, e in self.engines.items() if name not in left}
        while remaining:
            needed = {name for engine in remaining.values() for name in engine.after}
            last = [engine for name, engine in remaining.items() if name not in needed]
            await asyncio.gather(*(self._stop(engine) for engine in last))
            for engine in last:
                del remaining[engine.name]
        self._publish()

    def needed_by_guests(self) -> list[str]:
        """Return the names of the parts that running guests need."""
        return [engine.name for engine in self.engines.values() if engine.for_guests]

    def record(self, name: str) -> Record:
        """Return the record of a part's process."""
        return Record(self.state.run / f"{name}.process")

    async def _running(self, engine: Engine) -> Process | None:
        """Return the process that another supervisor left, be it killed before it recorded the process."""
        recorded = self.record(engine.name).find(engine.program)
        return recorded or await asyncio.to_thread(unrecorded, self._mark(engine), engine.program)

    def _mark(self, engine: Engine) -> str:
        return f"{engine.name} of {self.state.path}"

    async def _turn_logs_over(self) -> None:
        while True:
            await asyncio.to_thread(turn_over, self.state.logs)
            await asyncio.sleep(_LOOK_AT_LOGS_EVERY)

    async def _keep(self, engine: Engine) -> None:
        part = self.parts[engine.name]
        for needed in engine.after:
            await self.parts[needed].up.wait()
        pause = _FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                await self._run(engine, part)
            except Exception as error:  # noqa: BLE001  whatever it is: nobody else keeps this part, or tells
                await self._end(part)
                await self._clear(engine)
                foreseen = isinstance(error, _FORESEEN)
                text = str(error) if foreseen else f"{type(error).__name__}: {error}"
                self._note(part, PartState.FAILED, error=text)
            part.up.clear()
            part.process = None
            if time.monotonic() - began > _STEADY:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            part.status.restarts += 1

    async def _run(self, engine: Engine, part: Part) -> None:
        """Start the part unless it runs already, see it ready, and wait for its end."""
        self._note(part, PartState.STARTING)
        part.process = await self._running(engine)
        part.status.adopted = part.process is not None
        if part.process is None:
            await engine.before_start()
            log = self.state.logs / f"{engine.name}.log"
            part.process = spawn(engine.command, log=log, env={**engine.env, MARK: self._mark(engine)})
        with contextlib.suppress(OSError):  # a full disk ends nothing that runs: it is found without a record
            self.record(engine.name).write(part.process)
        await self._until_ready(engine, part.process)
        await engine.once_ready()
        self._note(part, PartState.RUNNING)
        how = "adopted" if part.status.adopted else "started"
        say(f"{engine.name}: {how}, process {part.process.pid}, {part.status.restarts} restarts")
        part.up.set()
        how = await ended(part.process)
        raise NotReady(f"ended ({how or 'was adopted'}){self._last_words(engine)}")

    async def _until_ready(self, engine: Engine, process: Process) -> None:
        give_up = time.monotonic() + _PATIENCE
        while not await engine.ready():
            if not process.alive():
                how = await ended(process)
                raise NotReady(f"ended before it was ready ({how}){self._last_words(engine)}")
            if time.monotonic() > give_up:
                raise NotReady(f"not ready after {_PATIENCE:g} seconds{self._last_words(engine)}")
            await asyncio.sleep(_ASK_EVERY)

    async def _stop(self, engine: Engine) -> None:
        part = self.parts[engine.name]
        process = part.process or await self._running(engine)
        if process is not None and process.alive():
            if engine.stop is not None:
                with contextlib.suppress(CommandFailed):
                    await run(*engine.stop, seconds=5)
            await self._end(part, process, asked=engine.stop is not None)
        await self._clear(engine)
        self.record(engine.name).remove()
        self._note(part, PartState.STOPPED)
        if self._tasks:  # else a command does it, whose words these are not
            say(f"{engine.name}: stopped")

    async def _clear(self, engine: Engine) -> None:
        with contextlib.suppress(CommandFailed, subprocess.CalledProcessError):
            await engine.once_stopped()

    async def _end(self, part: Part, process: Process | None = None, *, asked: bool = False) -> None:
        """End a process: wait if it was `asked`, then SIGTERM, then SIGKILL."""
        process = process or part.process
        if process is None:
            return
        for number in (signal.SIGCONT if asked else signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            process.terminate(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await ended(process)
                    return

    def _last_words(self, engine: Engine) -> str:
        return last_words(self.state.logs / f"{engine.name}.log")

    def _note(self, part: Part, state: PartState, *, error: str = "") -> None:
        status = part.status
        status.state, status.since = state, time.time()
        status.pid = part.process.pid if part.process and part.process.alive() else None
        if error or state is PartState.RUNNING:
            status.error = error
        if error:
            say(f"{status.name}: {error}")
        self._publish()

    def _publish(self) -> None:
        parts = [part.status for part in self.parts.values()]
        status = Status(pid=os.getpid(), started=self._started, parts=parts)
        with contextlib.suppress(OSError):  # a full disk: what was written last stays, and the next is tried
            write_status(self.state.status, status)


def say(text: str) -> None:
    """Write a line to the supervisor's log."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with contextlib.suppress(OSError):  # a full disk: parts are kept all the same
        print(now, text, flush=True)  # noqa: T201  this is the supervisor's log


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def ended(process: Process) -> str:
    """Wait until a process, ours or adopted, has ended; say how, if it was ours."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return ""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    try:
        if process.is_there():
            loop.add_reader(descriptor, _resolve, over)
            try:
                await over
            finally:
                loop.remove_reader(descriptor)
        return reap(process.pid)
    finally:
        os.close(descriptor)
