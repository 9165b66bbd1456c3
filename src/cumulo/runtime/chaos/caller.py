"""A client that sees everything as it is: each request is sent once, and a lost answer is told from none."""

import http.client
import time
from collections.abc import Callable
from typing import Any

import msgspec

_LONGEST = 60.0  # seconds until a request has no answer
_PAUSE = 0.2
_IDLE = 5.0  # seconds after which a connection is not trusted any more


class Unanswered(Exception):
    """The request was sent, and no answer came: it may have been done, or not."""


class Answer(msgspec.Struct):
    """An answer: HTTP's status, its document (None: it has none) and the request's id."""

    status: int
    document: Any
    request_id: str

    @property
    def well(self) -> bool:
        """Whether it was done, or promised."""
        return self.status < http.client.BAD_REQUEST

    @property
    def reason(self) -> str:
        """Return the answer's own words."""
        return msgspec.json.encode(self.document).decode()[:300]


class Caller:
    """One user of a cloud. `patience`: whether to go on waiting for a cloud that is away."""

    def __init__(self, port: int, login: dict[str, str], patience: Callable[[], bool]) -> None:
        self._port = port
        self._patience = patience
        domain = {"id": "default"}
        user = {"name": login["user"], "domain": domain, "password": login["password"]}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": login["project"], "domain": domain}}
        self._login = {"auth": {"identity": identity, "scope": scope}}
        self._token = ""
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        """Make a request once the cloud can be reached. Raises Unanswered."""
        if not self._token:
            self.log_in()
        answer = self._send(method, path, body)
        if answer.status == http.client.UNAUTHORIZED:
            self.log_in()
            answer = self._send(method, path, body)
        return answer

    def insist(self, method: str, path: str, body: Any = None) -> Any:
        """Make a request that must succeed; return its document. Raises Unanswered, or AssertionError."""
        answer = self(method, path, body)
        if not answer.well:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.reason}")
        return answer.document

    def log_in(self) -> None:
        """Get a token, however long the cloud is away."""
        self._token = ""
        while self._patience():
            try:
                answer = self._send("POST", "/identity/v3/auth/tokens", self._login)
            except Unanswered:
                continue
            if answer.well:
                return
            time.sleep(_PAUSE)  # a command polls; no event loop is here
        raise Unanswered("the run is over")

    def _send(self, method: str, path: str, body: Any) -> Answer:
        connection = self._connected()
        octets = isinstance(body, bytes)
        headers = {"OpenStack-API-Version": "compute 2.90, volume 3.70", "Accept": "application/json"}
        headers["Content-Type"] = "application/octet-stream" if octets else "application/json"
        if self._token:
            headers["X-Auth-Token"] = self._token
        raw = body if octets else None if body is None else msgspec.json.encode(body)
        try:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.hang_up()
            raise Unanswered(f"{method} {path}: {error!r}") from error
        self._token = answer.headers.get("X-Subject-Token") or self._token
        return Answer(
            answer.status, _document(answer, content), answer.headers.get("X-OpenStack-Request-ID", "")
        )

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection; nothing is sent before there is one. Raises Unanswered at the run's end."""
        if time.monotonic() - self._used > _IDLE:
            self.hang_up()  # the server may do so, too, and nobody could tell that from a lost answer
        while self._connection is None:
            fresh = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_LONGEST)
            try:
                fresh.connect()
            except OSError as error:
                if not self._patience():
                    raise Unanswered("the run is over") from error
                time.sleep(_PAUSE)  # a command polls; no event loop is here
            else:
                self._connection = fresh
        self._used = time.monotonic()
        return self._connection

    def hang_up(self) -> None:
        """Close the connection; the next request opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _document(answer: http.client.HTTPResponse, content: bytes) -> Any:
    if not (answer.headers.get("Content-Type") or "").startswith("application/json"):
        return content
    return msgspec.json.decode(content) if content else None
