"""A plain HTTP client for measuring: one kept connection, no cleverness that would cost time of its own."""

import copy
import http.client
from typing import Any

import msgspec

PIECE = 1 << 20  # bytes


class Refused(Exception):
    """The cloud answered with an error: the status and the body."""


class Client:
    """One user's connection to a cloud."""

    def __init__(self, port: int, user: str, password: str, project: str) -> None:
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        domain = {"id": "default"}
        self._login: dict[str, Any] = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": user, "domain": domain, "password": password}},
                },
                "scope": {"project": {"name": project, "domain": domain}},
            }
        }
        self.token = ""

    def twin(self) -> "Client":
        """Return the same user on a connection of its own."""
        twin = copy.copy(self)
        twin.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return twin

    def issue(self) -> None:
        """Get a new token and use it from now on."""
        self.token = self._issue(self._login)

    def issue_by(self, token: str) -> str:
        """Return a new token for the same scope by one that is there."""
        proof = {"methods": ["token"], "token": {"id": token}}
        return self._issue({"auth": {**self._login["auth"], "identity": proof}})

    def _issue(self, login: Any) -> str:
        body = msgspec.json.encode(login)
        head = {"Content-Type": "application/json"}
        self.connection.request("POST", "/identity/v3/auth/tokens", body, head)
        answer = self.connection.getresponse()
        told = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise Refused(f"{answer.status}: {told[:500]!r}")
        return str(answer.headers["X-Subject-Token"])

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> bytes:
        """Make a request; return the body of the answer. Raises Refused."""
        sent = {"X-Auth-Token": self.token, "Content-Type": "application/json", **(headers or {})}
        raw = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        self.connection.request(method, path, raw, sent)
        answer = self.connection.getresponse()
        told = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise Refused(f"{method} {path}: {answer.status}: {told[:500]!r}")
        return told

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """Make a request; return the answer's values."""
        return msgspec.json.decode(self.call(method, path, body))

    def drain(self, path: str) -> int:
        """Read a long answer into the same memory again and again; return how long it was. Raises Refused."""
        self.connection.request("GET", path, headers={"X-Auth-Token": self.token})
        answer = self.connection.getresponse()
        if answer.status >= http.client.BAD_REQUEST:
            raise Refused(f"GET {path}: {answer.status}: {answer.read()[:500]!r}")
        buffer, length = memoryview(bytearray(PIECE)), 0
        while taken := answer.readinto(buffer):
            length += taken
        return length
