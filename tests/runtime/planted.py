"""Secrets planted in a running cloud, and where they must not come up again."""

import base64
import json
import secrets
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx

from cumulo.services.identity.domain.oauth import SignedCall, signature

_SHORTEST = 8


class Plants:
    """Markers by what they stand for, and every answer with what it was allowed to say."""

    def __init__(self) -> None:
        self.markers: dict[str, str] = {}
        self.found: list[str] = []

    def new(self, what: str) -> str:
        """Return a marker that occurs nowhere else."""
        return self.known(what, f"Plant{secrets.token_hex(12)}")

    def known(self, what: str, marker: str) -> str:
        """Take a secret that the cloud itself made."""
        assert len(marker) >= _SHORTEST, what
        self.markers[f"{what} #{len(self.markers)}"] = marker
        return marker

    def look(self, place: str, text: bytes, allowed: Iterable[str] = ()) -> None:
        """Note each marker that a text holds, plain, in base64 or in hexadecimal digits."""
        for what, marker in self.markers.items():
            if marker not in allowed and any(form in text for form in forms(marker.encode())):
                self.found.append(f"{what} in {place}")


def forms(marker: bytes) -> list[bytes]:
    """Return how a marker may look: in base64 it depends on what stands before it, by three."""
    shifted = []
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + marker)
        # What neighbours share with other bytes is left out.
        shifted.append(whole[4 if before else 0 : (len(marker) + before) // 3 * 4])
    urlsafe = [each.translate(bytes.maketrans(b"+/", b"-_")) for each in shifted]
    return [marker, *shifted, *urlsafe, marker.hex().encode(), marker.hex().upper().encode()]


class Gardener:
    """A client that plants, and looks at every answer but for what it may say."""

    def __init__(self, url: str, plants: Plants) -> None:
        self.plants = plants
        self.http = httpx.Client(base_url=url, timeout=60)
        self.token = ""

    def call(
        self, method: str, path: str, body: Any = None, *, says: Iterable[str] = (), **headers: str
    ) -> Any:
        """Call; `says`: the markers that the answer is meant to show."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("X-Auth-Token", self.token)
        answer = self.http.request(method, path, json=body, headers=sent)
        self.plants.look(f"the answer {answer.status_code} to {method} {path[:80]}", answer.content, says)
        return answer

    def done(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Call what must succeed; return its document."""
        answer = self.call(method, path, body, **options)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and "json" in answer.headers["Content-Type"] else answer

    def login(self, user: dict[str, Any], scope: Any = None, *methods: str, **more: Any) -> httpx.Response:
        """Ask for a token; it is a marker as soon as it is there."""
        identity = {"methods": ["password", *methods], "password": {"user": user}, **more}
        auth = {"identity": identity, **({"scope": scope} if scope else {})}
        answer: httpx.Response = self.call(
            "POST", "/identity/v3/auth/tokens", {"auth": auth}, X_Auth_Token=""
        )
        for header, what in (("X-Subject-Token", "token"), ("Openstack-Auth-Receipt", "receipt")):
            if header in answer.headers:
                self.plants.known(what, answer.headers[header])
        return answer


def oauth_header(url: str, keys: tuple[str, str], token: tuple[str, str] = ("", ""), **more: str) -> str:
    """Return the header of a POST that a consumer signs."""
    said = {
        "oauth_consumer_key": keys[0],
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(time.time())),
        "oauth_nonce": secrets.token_hex(8),
        "oauth_version": "1.0",
        **({"oauth_token": token[0]} if token[0] else {}),
        **more,
    }
    said["oauth_signature"] = signature(SignedCall("POST", url, {}, said), keys[1], token[1])
    return "OAuth " + ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in said.items())


def in_sqlite(plants: Plants, file: Path) -> None:
    """Look at every value of every table, and at what the file and its log hold besides."""
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        cursor = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608  our own table's name
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            for name, value in zip(names, row, strict=True):
                raw = value if isinstance(value, bytes) else str(value).encode()
                plants.look(f"{table}.{name}", raw)
    database.close()


def in_rows(plants: Plants, table: str, rows: Iterable[str]) -> None:
    """Look at a table's rows as PostgreSQL writes them, each with its columns by name."""
    for row in rows:
        for name, value in json.loads(row).items():
            plants.look(f"{table}.{name}", json.dumps(value).encode())


def form(answer: httpx.Response) -> dict[str, str]:
    """Read a form that OAuth answers."""
    return dict(parse_qsl(answer.text))
