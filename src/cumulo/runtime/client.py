"""A small client of the cloud for our own commands: one user, plain HTTP from outside like everybody."""

import contextlib
import http.client
import os
import select
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

import msgspec
import yaml

from cumulo.runtime.calling import as_called
from cumulo.runtime.state import StateFolder

_PATIENCE = 60.0


class Refused(Exception):
    """The cloud answered with an error; `status` is HTTP's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class NoAnswer(OSError):
    """There is no cloud, or it does not answer; the text says which and what to do."""


class Session:
    """One user's session. Paths are below the cloud's own address, such as `/network/v2.0/ports`."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=_PATIENCE)
        self._credentials = credentials
        self._token = ""
        self._mend = "is it up?"

    @staticmethod
    def of(state: StateFolder, cloud: str) -> "Session":
        """Return the session of an entry of the state folder's clouds.yaml."""
        file = state.path / "clouds.yaml"
        if not file.exists():
            which = "has not been started yet" if state.exists else "is not there"
            raise NoAnswer(as_called(f"the cloud in {state.path} {which}: `cumulo up`", state))
        known = yaml.safe_load(file.read_text(encoding="utf-8"))["clouds"]
        if cloud not in known:
            raise NoAnswer(f"{file} has no cloud {cloud!r}: it has {', '.join(known)}")
        auth = known[cloud]["auth"]
        session = Session(auth["auth_url"].removesuffix("/identity/v3"), auth)
        session._mend = as_called("`cumulo status` says more", state)
        return session

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the document that a GET answers."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Any) -> Any:
        """Return what a POST answers."""
        return self._call("POST", path, body)

    def id_of(self, kind: str, named: str, domain: str) -> str:
        """Return the id of a user, project or group that is named, which may be the id itself."""
        homes = self.get("/identity/v3/domains", name=domain)["domains"]
        if not homes:
            raise Refused(f"there is no domain {domain}", http.client.NOT_FOUND)
        query = {"name": named, "domain_id": homes[0]["id"]}
        found = self.get(f"/identity/v3/{kind}s", **query)[f"{kind}s"]
        return str(found[0]["id"]) if found else named

    def put(self, path: str, body: Any) -> Any:
        """Return what a PUT answers."""
        return self._call("PUT", path, body)

    def upload(self, path: str, file: BinaryIO) -> None:
        """Send a file's bytes by a PUT, from where it stands to its end."""
        self._log_in()
        length = os.fstat(file.fileno()).st_size - file.tell()
        octets = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        self._exchange("PUT", path, file, octets)

    def delete(self, path: str) -> None:
        """Delete what is at the path."""
        self._call("DELETE", path)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        if not self._token:
            self._log_in()
        try:
            answer = self._send(method, path, body)[0]
        except Refused as refused:
            if refused.status != http.client.UNAUTHORIZED:
                raise
            self._log_in()  # the token is out of date
            answer = self._send(method, path, body)[0]
        return msgspec.json.decode(answer) if answer else None

    def _log_in(self) -> None:
        auth = self._credentials
        user = {"name": auth["username"], "domain": {"name": auth["user_domain_name"]}}
        project = {"name": auth["project_name"], "domain": {"name": auth["project_domain_name"]}}
        secret = {"user": {**user, "password": auth["password"]}}
        identity = {"methods": ["password"], "password": secret}
        body = {"auth": {"identity": identity, "scope": {"project": project}}}
        self._token = ""
        headers = self._send("POST", "/identity/v3/auth/tokens", body)[1]
        self._token = headers["X-Subject-Token"]

    def _send(self, method: str, path: str, body: Any) -> tuple[bytes, http.client.HTTPMessage]:
        headers = {"Accept": "application/json", "OpenStack-API-Version": "compute 2.79"}
        raw = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            raw = msgspec.json.encode(body)
        return self._exchange(method, path, raw, headers)

    def _exchange(
        self, method: str, path: str, raw: bytes | BinaryIO | None, headers: dict[str, str]
    ) -> tuple[bytes, http.client.HTTPMessage]:
        """Send a request, once, and return the answer's body and headers. Refused, NoAnswer."""
        if self._token:
            headers["X-Auth-Token"] = self._token
        connection = self._connection
        if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            connection.close()  # it was idle, and the server closed it: the request opens it again
        try:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            where = f"{connection.host}:{connection.port}"
            raise NoAnswer(f"the cloud does not answer at {where} ({error}): {self._mend}") from error
        if answer.status >= http.client.BAD_REQUEST:
            raise refusal(method, path, answer.status, content)
        return content, answer.headers


def refusal(method: str, path: str, status: int, content: bytes) -> Refused:
    """Return an error answer in words: its message, where it is a document that has one."""
    said = content.decode(errors="replace")[:500]
    with contextlib.suppress(msgspec.DecodeError):
        documents = [msgspec.json.decode(content)]
        while documents:
            document = documents.pop()
            if isinstance(document, dict) and isinstance(document.get("message"), str):
                said = document["message"]
                break
            if isinstance(document, dict | list):
                documents += document.values() if isinstance(document, dict) else document
    return Refused(f"{said} ({status} of {method} {path.partition('?')[0]})", status)
