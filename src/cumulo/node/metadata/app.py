"""The ASGI application that answers one network's guests. The peer's address says who asks."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog

from cumulo.contracts.compute import GuestMetadata, Kept
from cumulo.core import clock
from cumulo.node.metadata import tree

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Lookup = Callable[[str], Awaitable[GuestMetadata | None]]  # by a guest's address
Keep = Callable[[str, str], Awaitable[Kept]]  # a guest's address, its password

FRESH = 2.0  # seconds; a booting guest asks for some twenty files in a row
KEYS = "meta-data/public-keys"
PASSWORDS = frozenset(f"openstack/{version}/password" for version in tree.OPENSTACK_VERSIONS)
MOST_PASSWORD = 1020  # bytes, as in Nova: an RSA key of 4096 bits makes 684

log = structlog.get_logger(__name__)


class Answer(msgspec.Struct, frozen=True):
    """A status, a body and its type."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


NOT_FOUND = Answer(404, b"not found")
LATER = Answer(503, b"try again later")
KEPT = {
    Kept.KEPT: Answer(200),
    Kept.SET_ALREADY: Answer(409, b"the password is set already"),
    Kept.NO_GUEST: NOT_FOUND,
}


class MetadataApp:
    """Serves both trees to the guests that `lookup` knows."""

    def __init__(self, lookup: Lookup, keep: Keep) -> None:
        self._lookup = lookup
        self._keep = keep
        self._known: dict[str, tuple[float, GuestMetadata]] = {}
        self._trouble = ""  # what was last wrong with asking about guests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        path = "/".join(part for part in scope["path"].split("/") if part)
        if scope["method"] == "POST" and path in PASSWORDS:
            answer = await self._password(scope["client"][0], receive)
        else:
            answer = await self._answer(scope, path)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})

    async def _password(self, address: str, receive: Receive) -> Answer:
        """Keep the password that a guest encrypted to its key; only the first one."""
        body = await _body(receive, MOST_PASSWORD)
        if body is None:
            return Answer(400, f"the password has more than {MOST_PASSWORD} bytes".encode())
        if not body.isascii() or b"\0" in body:
            return Answer(400, b"the password is no ASCII text, as base64 is")
        try:
            kept = await self._keep(address, body.decode())
        except Exception as error:  # noqa: BLE001  whoever keeps it may be away
            self._note(error)
            return LATER
        self._known.pop(address, None)
        return KEPT[kept]

    async def _answer(self, scope: Scope, path: str) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return Answer(405, b"method not allowed")
        if not path:
            return _index(tree.EC2_VERSIONS)
        if path == "openstack":
            return _index(tree.OPENSTACK_VERSIONS)
        try:
            guest = await self._guest(scope["client"][0])
        except Exception as error:  # noqa: BLE001  whoever knows the guest may be away
            self._note(error)
            return LATER
        self._trouble = ""
        return NOT_FOUND if guest is None else _file(guest, path)

    def _note(self, error: Exception) -> None:
        """Log what went wrong, each reason once: guests may ask a thousand times a second."""
        reason = str(error) or type(error).__name__
        if reason != self._trouble:
            log.warning("metadata.lookup_failed", reason=reason)
        self._trouble = reason

    async def _guest(self, address: str) -> GuestMetadata | None:
        now = clock.monotonic()
        asked, guest = self._known.get(address, (0.0, None))
        if guest is not None and now - asked < FRESH:
            return guest
        guest = await self._lookup(address)
        self._known = {key: item for key, item in self._known.items() if now - item[0] < FRESH}
        if guest is not None:
            self._known[address] = (now, guest)
        return guest


async def _body(receive: Receive, most: int) -> bytes | None:
    """Read a request's body; None when it is longer than `most` bytes, or never came to its end."""
    body = b""
    while len(body) <= most:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= most else None
    return None


def _index(names: tuple[str, ...]) -> Answer:
    return Answer(200, "\n".join(names).encode())


def _file(guest: GuestMetadata, path: str) -> Answer:
    first, _, rest = path.partition("/")
    try:
        if first == "openstack":
            return Answer(200, tree.openstack_file(guest, rest), _type(rest))
        if first not in tree.EC2_VERSIONS:
            return NOT_FOUND
        if rest == KEYS and guest.keys:
            return Answer(200, tree.ec2_keys(guest))
        return Answer(200, tree.read(tree.ec2(guest), rest))
    except tree.NoSuchFile:
        return NOT_FOUND


def _type(path: str) -> str:
    """Return the type of a file of OpenStack's tree."""
    folder, _, name = path.rpartition("/")
    if name.endswith(".json"):
        return "application/json"
    plain = name != "user_data" and folder != "content"
    return "text/plain; charset=utf-8" if plain else "application/octet-stream"
