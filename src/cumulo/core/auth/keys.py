"""A folder of symmetric keys, and sealing bytes with them: AES-256-GCM.

Sealed bytes are: one byte key id, 12 bytes nonce, the sealed text, 16 bytes tag. The key id and the purpose
are authenticated too. Each key is a file (mode 600) named after its id; the newest seals, all of them open. A
process looks into the folder again when it has changed since, so another process may rotate, or forget keys,
at any time.
"""

import base64
import json
import os
import secrets
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cumulo.core import clock
from cumulo.core.errors import Error

_NONCE = 12
_TAG = 16
_KEY = 32
_IDS = 255
_LOOK_AGAIN = 1.0  # seconds: garbage must not make us read the folder for each request


class NotSealedHere(Error):
    """What was given was not sealed with one of these keys."""


class KeyFolder:
    """The keys of one use. `purpose` keeps what is sealed for one use from being opened for another."""

    def __init__(self, folder: Path, purpose: bytes) -> None:
        self.folder = folder
        self._purpose = purpose
        self._ciphers: dict[int, AESGCM] = {}
        self._primary = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._look()
        if not self._ciphers:
            self.rotate()

    def seal_bytes(self, text: bytes, about: bytes = b"") -> bytes:
        """Return the text sealed; `about` must be given again to open it."""
        self._follow()
        nonce = secrets.token_bytes(_NONCE)
        head = bytes([self._primary])
        return head + nonce + self._ciphers[self._primary].encrypt(nonce, text, self._purpose + head + about)

    def open_bytes(self, sealed: bytes, about: bytes = b"") -> bytes:
        """Return what was sealed; raise NotSealedHere."""
        if len(sealed) < 1 + _NONCE + _TAG:
            raise NotSealedHere
        cipher, head = self._cipher(sealed[0]), sealed[:1]
        try:
            return cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], self._purpose + head + about)
        except InvalidTag:
            raise NotSealedHere from None

    def is_current(self, sealed: bytes) -> bool:
        """Say whether this was sealed with the newest key."""
        return sealed[:1] == bytes([self._primary])

    def rotate(self, keep: int | None = 3) -> None:
        """Make a new key, seal with it from now on, and forget all but the `keep` newest (None: none)."""
        files = self._files()
        latest = files[-1][1] if files else 0
        used = {number for _made, number, _key in files}
        fresh = next(n for n in [*range(latest + 1, _IDS + 1), *range(1, latest + 1)] if n not in used)
        key = base64.b64encode(secrets.token_bytes(_KEY)).decode()
        self._write(fresh, json.dumps({"made": clock.now().isoformat(), "key": key}))
        if keep is None:
            self._look()
        else:
            self.forget(keep)

    def forget(self, keep: int) -> None:
        """Remove all but the `keep` (one at least) newest keys; what they sealed is never opened again."""
        for _made, old, _key in self._files()[:-keep]:
            self._path(old).unlink(missing_ok=True)
        self._look()

    def opens(self, id: int) -> bool:
        """Say whether there is still a key of this number: another process may have forgotten it."""
        if id in self._ciphers:
            self._follow()
        elif clock.monotonic() - self._looked >= _LOOK_AGAIN:
            self._look()
        return id in self._ciphers

    def _cipher(self, id: int) -> AESGCM:
        if not self.opens(id):
            raise NotSealedHere
        return self._ciphers[id]

    def _follow(self) -> None:
        if self.folder.stat().st_mtime_ns != self._seen:
            self._look()

    def _look(self) -> None:
        self._looked = clock.monotonic()
        self._seen = self.folder.stat().st_mtime_ns
        files = self._files()
        self._ciphers = {number: AESGCM(base64.b64decode(key)) for _made, number, key in files}
        self._primary = files[-1][1] if files else 0

    def _files(self) -> list[tuple[datetime, int, str]]:
        """Return (made, id, key) of every key file, the oldest first."""
        found = []
        for path in self.folder.glob("*.key"):
            content = json.loads(path.read_text(encoding="ascii"))
            found.append((datetime.fromisoformat(content["made"]), int(path.stem), content["key"]))
        return sorted(found)

    def _path(self, id: int) -> Path:
        return self.folder / f"{id:03d}.key"

    def _write(self, id: int, text: str) -> None:
        """Write so that another process sees the whole key or none, and nobody else may read it."""
        unfinished = self.folder / f".{id:03d}.{os.getpid()}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._path(id))
