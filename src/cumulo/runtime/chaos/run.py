"""One chaos run: a cloud of its own, the plan, the killing, and what is true afterwards."""

import contextlib
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cumulo.runtime.chaos import aftermath, home, killer, plan
from cumulo.runtime.chaos.acts import MOST, Acts
from cumulo.runtime.chaos.home import VOLUME, Stage
from cumulo.runtime.chaos.plan import Act, Plan
from cumulo.runtime.chaos.promises import Promises, Thing
from cumulo.runtime.chaos.witness import Witness
from cumulo.runtime.database import file_of
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.state import StateFolder
from cumulo.testing.database import postgresql_cluster

DRIVERS = ("fake", "libvirt")
_CLIENTS = {"fake": 4, "libvirt": 2}
_HOSTS = {"fake": 3, "libvirt": 1}
_MINI_WITHIN = 300.0  # seconds in which a new cloud has its first image
_LAST_LINES = 6
_FAKE = """[engines]
start = false
keep_fakes = true
fake_hosts = {hosts}
fake_delay = 0.3
[node]
hypervisor = "fake"
"""
_QUOTA = "[quota.limits.compute]\ninstances = 30\n[quota.limits.block_storage]\nvolumes = 60\n"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What run: for how many seconds, by which seed, with which driver and database, on how many hosts."""

    seconds: float
    seed: int | None = None
    driver: str = "fake"
    database: str = "sqlite"
    hosts: int | None = None


def run(wanted: Wanted) -> int:
    """Do a run; return 1 when anything was violated."""
    seed = secrets.randbelow(1 << 32) if wanted.seed is None else wanted.seed
    how = f"{wanted.seconds:g} s, driver {wanted.driver}, {wanted.database}"
    _say(f"seed {seed} ({how}); the same run again: --seed {seed}")
    with contextlib.ExitStack() as stack:
        settings = _QUOTA
        if wanted.database == "postgresql":
            cluster = stack.enter_context(postgresql_cluster())
            if cluster is None:
                raise FileNotFoundError("this machine has no PostgreSQL server")
            settings += f'[database]\nurl = "{cluster.url()}"\n'
        hosts = wanted.hosts or _HOSTS[wanted.driver]
        real = wanted.driver == "libvirt"
        if not real:
            settings += _FAKE.format(hosts=hosts)
        state = stack.enter_context(scratch_cloud("chaos", settings, hosts=hosts if real else 1))
        _say(f"a cloud of its own in {state.path}")
        chaos = Chaos(state, wanted, plan.make(seed, wanted.seconds, _CLIENTS[wanted.driver], wanted.driver))
        stack.callback(chaos.stop)
        chaos.prepare(hosts, seed)
        chaos.rage()
        return chaos.conclude()


class Chaos:
    """A run on the cloud of a state folder."""

    def __init__(self, state: StateFolder, wanted: Wanted, planned: Plan) -> None:
        self._state = state
        self._wanted = wanted
        self._plan = planned
        self._promises = Promises()
        self._real = wanted.driver == "libvirt"
        self._over = threading.Event()  # the clients stop
        self._ended = threading.Event()  # nobody waits for the cloud any more
        self._witness: Witness | None = None
        self._kills: Counter[str] = Counter(dict.fromkeys(plan.KILLS[wanted.driver], 0))
        self._stage: Stage

    def prepare(self, hosts: int, seed: int) -> None:
        """Make what clients need, while nothing is killed."""
        if self._real:
            self._wait_for_image()
        clients = len(self._plan.acts)
        self._stage = home.prepare(self._state, clients, hosts, seed, lambda: not self._ended.is_set())
        for each in self._stage.homes:
            body = {"volume": {"size": 1, "imageRef": self._stage.precious}}
            made = each.caller.insist("POST", f"{VOLUME}/volumes", body)["volume"]["id"]
            thing = Thing("volume", made, f"{VOLUME}/volumes/{made}", each.number, precious=True)
            self._promises.made(thing)
        if self._real:
            self._witness = Witness(self._stage.homes[0], self._promises)
            self._witness.start()

    def _wait_for_image(self) -> None:
        noted = self._state.path / "first-contents"
        give_up = time.monotonic() + _MINI_WITHIN
        while "image" not in noted.read_text(encoding="ascii").split():
            if time.monotonic() > give_up:
                raise TimeoutError("the cloud has no first image")
            time.sleep(1)  # a command polls; no event loop is here

    def rage(self) -> None:
        """Have clients act and processes killed as planned."""
        most = MOST[self._wanted.driver]
        threads = []
        for each, acts in zip(self._stage.homes, self._plan.acts, strict=True):
            doer = Acts(each, self._promises, most)
            threads.append(
                threading.Thread(target=self._act, args=(doer, acts), name=f"client {each.number}")
            )
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for kill in self._plan.kills:
            if not kill.hasty:
                killer.wait_for_answers(self._state)
            if began + self._wanted.seconds < time.monotonic() + kill.pause:
                break
            time.sleep(kill.pause)  # as the plan says
            killed = killer.execute(self._state, kill)
            self._kills[kill.target] += bool(killed.pids)
            _say(f"{time.monotonic() - began:7.1f}  {killed.words}")
        time.sleep(max(0.0, began + self._wanted.seconds - time.monotonic()))  # as the plan says
        self._over.set()
        killer.revive(self._state)
        for thread in threads:
            thread.join()

    def _act(self, doer: Acts, acts: list[Act]) -> None:
        """Act until the run is over; that a client cannot go on is a violation: nobody else would tell."""
        try:
            for act in acts:
                if self._over.wait(act.pause):
                    return
                doer.do(act)
        except Exception as error:  # noqa: BLE001  nobody else hears of a thread
            self._promises.violated("", f"{threading.current_thread().name} stopped acting: {error!r}")

    def conclude(self) -> int:
        """Say what was done, look at what there is, and remove it; return 1 when anything was violated."""
        _say("the killing has stopped; what clients did, and how it was answered:")
        for line in self._promises.summary():
            _say(line)
        _say(f"settled in {aftermath.settle(self._state, self._promises, 'the last kill'):.0f} s")
        if self._witness is not None:
            self._witness.finish()
            _say(f"a guest wrote and flushed {self._witness.flushed} blocks")
        aftermath.verify(self._stage, self._promises, faultless=not self._real)
        _say("what clients were told was held against what there is")
        aftermath.read_back(self._stage, self._promises)
        _say("the volumes' content was read back")
        aftermath.remove(self._stage, self._promises)
        _say(f"removed; settled in {aftermath.settle(self._state, self._promises, 'all was removed'):.0f} s")
        self._ended.set()
        self._stage.hang_up()
        return self._report()

    def stop(self) -> None:
        """Have nobody act or wait any more, however the run ended."""
        self._over.set()
        self._ended.set()
        if self._witness is not None:
            self._witness.stop()

    def _report(self) -> int:
        violations = list(self._promises.violations)
        for violation in violations:
            _say(f"VIOLATION {violation.id}: {violation.what}")
            for line in _last_lines(self._state.logs / "server.log", violation.id):
                _say(f"    {line}")
        if violations:
            _say(f"the logs and the database are kept in {_kept(self._state)}")
        things = len(self._promises.things)
        _say("killed: " + ", ".join(f"{target} x{times}" for target, times in self._kills.items()))
        _say(f"{self._kills.total()} kills, {things} things made, {len(violations)} violations")
        return 1 if violations else 0


def _kept(state: StateFolder) -> Path:
    """Return a folder with what explains a run when its cloud is gone."""
    folder = Path(tempfile.mkdtemp(prefix="cumulo-chaos-kept-"))
    shutil.copytree(state.logs, folder / "log")
    for file in (file_of(state), state.fakes):
        if file.exists():
            shutil.copy(file, folder)
    return folder


def _last_lines(log: Path, about: str) -> Iterator[str]:
    """Yield what the server's log said last of an id."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if about and about in line]
    yield from (line[:400] for line in lines[-_LAST_LINES:])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
