"""A run that is broken off leaves nobody behind."""

import threading
from pathlib import Path

import pytest

from cumulo.runtime.chaos import killer, plan
from cumulo.runtime.chaos.acts import Acts
from cumulo.runtime.chaos.caller import Caller
from cumulo.runtime.chaos.home import Home, Stage
from cumulo.runtime.chaos.run import Chaos, Wanted
from cumulo.runtime.state import StateFolder


def test_clients_of_a_run_that_is_interrupted_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """They wait for their cloud as long as the run lasts: Ctrl-C would leave the command hanging."""
    chaos = Chaos(StateFolder(tmp_path), Wanted(seconds=600), plan.make(1, 600, 1, "fake"))
    login = {"user": "u", "password": "p", "project": "q"}
    caller = Caller(unused_tcp_port, login, lambda: not chaos._ended.is_set())
    ids = dict.fromkeys(("project", "network", "router", "outside", "image"), "x")
    home = Home(number=0, caller=caller, admin=caller, hosts=1, **ids)
    chaos._stage = Stage(admin=caller, homes=[home], precious="", content="")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(killer, "wait_for_answers", interrupted)
    monkeypatch.setattr(killer, "execute", interrupted)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        chaos.rage()
    clients = [thread for thread in threading.enumerate() if thread.name == "client 0"]
    assert clients
    chaos.stop()
    for thread in clients:
        thread.join(20)
        assert not thread.is_alive()


def test_a_client_that_cannot_go_on_is_a_violation(tmp_path: Path) -> None:
    chaos = Chaos(StateFolder(tmp_path), Wanted(seconds=1), plan.make(1, 1, 1, "fake"))

    class Broken(Acts):
        def __init__(self) -> None:
            """Need no home."""

        def do(self, act: plan.Act) -> None:
            raise KeyError(act.verb)

    act = plan.Act("create_server", 0.0, (0.0, 0.0))
    chaos._act(Broken(), [act])
    [violation] = chaos._promises.violations
    assert "KeyError('create_server')" in violation.what
