"""The client of our own commands, at a server that is of no help."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cumulo.runtime.client import NoAnswer, Session
from cumulo.runtime.state import StateFolder

AUTH = {
    "username": "admin",
    "password": "secret",
    "project_name": "admin",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}
TOKEN = b"HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nContent-Length: 2\r\n\r\n{}"
WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}"


class Server:
    """Takes one request after another; answers each as the script says, b"" by hanging up."""

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.heard: list[str] = []
        self.hang_up_after = 1000
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        said = connection.makefile("rb")
        while line := said.readline():
            self.heard.append(line.decode().split(" HTTP")[0])
            lines = [each.partition(b":") for each in iter(said.readline, b"\r\n")]
            head = {name.lower(): value for name, _, value in lines}
            said.read(int(head.get(b"content-length", 0)))
            answer = self.script.pop(0) if self.script else b""
            if not answer:
                return
            connection.sendall(answer)
            if len(self.heard) == self.hang_up_after:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def api(server: Server) -> Iterator[Session]:
    session = Session(f"http://127.0.0.1:{server.port}", AUTH)
    yield session
    session.close()


def test_what_may_have_been_done_is_not_asked_for_twice(server: Server, api: Session) -> None:
    """A server that dies over `keys rotate` may have turned them."""
    server.script = [TOKEN]
    with pytest.raises(NoAnswer, match=r"does not answer at 127.0.0.1:\d+ .*: is it up\?"):
        api.post("/keys/rotate", {})
    assert server.heard == ["POST /identity/v3/auth/tokens", "POST /keys/rotate"]


def test_an_idle_connection_that_the_server_closed_is_opened_again(server: Server, api: Session) -> None:
    server.script = [TOKEN, WELL, WELL]
    server.hang_up_after = 2
    assert api.get("/servers") == {}
    assert api._connection.sock is not None
    assert api._connection.sock.recv(1, socket.MSG_PEEK) == b""  # the end has come
    assert api.get("/servers") == {}
    assert server.heard[1:] == ["GET /servers", "GET /servers"]


def test_an_answer_that_breaks_off_is_none(server: Server, api: Session) -> None:
    server.script = [TOKEN, SHORT]
    server.hang_up_after = 2
    with pytest.raises(NoAnswer):
        api.get("/servers")


def test_a_cloud_that_the_file_has_not_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    entries = {name: {"auth": {**AUTH, "auth_url": "http://127.0.0.1:1/identity/v3"}} for name in ("a", "b")}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": entries}))
    with pytest.raises(NoAnswer, match="no cloud 'c': it has a, b"):
        Session.of(StateFolder(tmp_path), "c")
