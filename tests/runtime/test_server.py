"""The server as a process of its own, supervised, without engines."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from cumulo.runtime.cli import down, main, up
from cumulo.runtime.client import Refused, Session
from cumulo.runtime.engines.processes import Record
from cumulo.runtime.engines.server import FRUGAL
from cumulo.runtime.scratch import scratch_cloud
from cumulo.runtime.server import CannotStart, _listener, leave_frugality
from cumulo.runtime.settings import HttpSettings, runtime_settings
from cumulo.runtime.supervisor.keeping import supervisor_of

pytestmark = pytest.mark.xdist_group("server")
SETTINGS = '[engines]\nstart = false\n[node]\nhypervisor = "fake"\n'


@pytest.fixture(scope="module")
def state():
    with scratch_cloud("server-test", SETTINGS) as made:
        yield made


@pytest.fixture
def session(state):
    """Make sessions that are closed at the end."""
    made = []

    def make(cloud="cumulo"):
        made.append(Session.of(state, cloud))
        return made[-1]

    yield make
    for one in made:
        one.close()


def until(condition):
    give_up = time.monotonic() + 30
    while not (answer := condition()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return answer


def test_both_users_of_clouds_yaml_can_log_in(session):
    projects = session("cumulo-admin").get("/identity/v3/projects")["projects"]
    assert {"admin", "demo", "service"} <= {project["name"] for project in projects}
    assert session().get("/compute/v2.1/flavors")["flavors"]


def test_a_killed_server_comes_back_and_keeps_its_tokens(state, session):
    user = session()
    flavors = user.get("/compute/v2.1/flavors")
    record = Record(state.run / "server.process")
    before = record.find("python")
    before.terminate(signal.SIGKILL)
    until(lambda: record.find("python") not in (None, before))

    def answered():
        try:
            return user.get("/compute/v2.1/flavors")
        except OSError:
            return None

    assert until(answered) == flavors


def test_a_killed_supervisor_leaves_the_server_to_the_next(state):
    server = Record(state.run / "server.process").find()
    supervisor = supervisor_of(state)
    supervisor.terminate(signal.SIGKILL)
    assert supervisor.wait(10)
    assert up.start(state.path) is not None
    assert Record(state.run / "server.process").find() == server
    assert supervisor_of(state) != supervisor


def test_up_when_it_is_up_changes_nothing(state):
    before = supervisor_of(state)
    assert main(["up", "--state", str(state.path)]) == 0
    assert supervisor_of(state) == before


def test_the_catalog_names_every_service_at_this_port(state, session):
    found = session("cumulo-admin").get("/identity/v3/auth/catalog")["catalog"]
    urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in found}
    assert {"identity", "compute", "image", "network", "placement"} <= urls.keys()
    port = runtime_settings(state).http.port
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in urls.values())


def test_an_unknown_path_is_refused_in_words(session):
    with pytest.raises(Refused, match="404"):
        session().get("/compute/v2.1/no-such-thing")


def test_status_is_of_two_minds_before_and_after_down(state, capsys):
    assert main(["status", "--state", str(state.path)]) == 0
    assert "(ready)" in capsys.readouterr().out
    assert down.stop(state, with_guests=False) == 0
    assert main(["status", "--state", str(state.path)]) == 3
    assert "does not answer" in capsys.readouterr().out
    assert up.start(state.path) is not None


def test_down_stops_a_server_whose_supervisor_was_killed(state):
    supervisor_of(state).terminate(signal.SIGKILL)
    server = Record(state.run / "server.process").find("python")
    assert server is not None
    assert down.stop(state, with_guests=False) == 0
    assert not server.alive()
    assert up.start(state.path) is not None


def test_what_the_server_starts_may_keep_its_memory(monkeypatch):
    for name, value in FRUGAL.items():
        monkeypatch.setenv(name, value)
    leave_frugality()
    assert "MALLOC" not in subprocess.check_output(["env"], text=True)
    assert not FRUGAL.keys() & os.environ.keys()


def test_a_port_that_is_taken_is_told_with_the_mend():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"127.0.0.1:{port} .*Address already in use.*set .http. port"):
            _listener(HttpSettings(port=port), port)


def test_a_command_that_is_ended_takes_its_cloud_with_it(tmp_path):
    words = [sys.executable, "-m", "cumulo.runtime.cli", "bench", "memory"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment) as command:
        try:
            until(lambda: list(tmp_path.glob("*/state/run/server.process")))
            (state,) = tmp_path.glob("*/state")
            server = Record(state / "run" / "server.process").find()
            assert server is not None
            command.terminate()
            assert command.wait(60) == 128 + signal.SIGTERM
        finally:
            command.kill()
    assert server.wait(30)
    assert list(tmp_path.iterdir()) == []
