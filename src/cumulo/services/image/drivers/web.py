"""Reading from the web for a stranger: HTTP/1.1, with every address checked before anything is sent there.

The name is resolved once, and the connection is made to an address that was checked: a name that means
another address a moment later (DNS rebinding) leads nowhere. Each redirect starts over. Only public addresses
are reached, unless the operator names networks: else anybody could read what this machine alone reaches.
"""

import asyncio
import ipaddress
import socket
import ssl
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from cumulo.core.drivers import Permanent, Temporary
from cumulo.services.image.config import ImageSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
BLOCK = 1 << 20
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_OK = 200
_SILENCE = 30.0  # seconds
_LONGEST_HEAD = 64 * 1024  # bytes
_SERVER_ERROR = 500
_LONGEST_LENGTH = 15  # hexadecimal digits of a chunk's length
# Addresses of version 6 that stand for one of version 4: mapped, translated (NAT64), 6to4.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_TRANSLATED_HERE = ipaddress.ip_network("64:ff9b:1::/48")


class NotAllowed(Permanent):
    """The address must not be reached from here."""


class Place(msgspec.Struct, frozen=True):
    """What a URI names. `host` has no brackets; `target` is what is asked for there."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


class _Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]


class Web:
    """The web, as far as the settings let it be reached."""

    def __init__(self, settings: ImageSettings, resolve: Resolve | None = None) -> None:
        self._settings = settings
        self._networks = [ipaddress.ip_network(text) for text in settings.download_networks]
        self._resolve = resolve or _resolve

    def place(self, uri: str) -> Place:
        """Return what a URI names, if it may be reached as far as can be said without resolving it.

        Raises NotAllowed.
        """
        settings = self._settings
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as error:
            raise NotAllowed("it is no URI") from error
        if parts.scheme not in settings.download_schemes or parts.scheme not in _PORTS:
            raise NotAllowed(f"the scheme {parts.scheme or '(none)'} is not allowed")
        if not parts.hostname or any(not character.isprintable() or character == " " for character in uri):
            raise NotAllowed("it names no host")
        if parts.username is not None or parts.password is not None:
            raise NotAllowed("it carries credentials")
        place = Place(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], _target(parts))
        if place.port not in settings.download_ports:
            raise NotAllowed(f"port {place.port} is not allowed")
        if settings.download_hosts and place.host not in settings.download_hosts:
            raise NotAllowed(f"host {place.host} is not allowed")
        with suppress(ValueError):
            self._check(ipaddress.ip_address(place.host))
        return place

    async def read(self, uri: str) -> AsyncIterator[bytes]:
        """Yield what a URI leads to, in blocks. Raises NotAllowed, Permanent, Temporary."""
        for _ in range(self._settings.download_redirects + 1):
            place = self.place(uri)
            reader, writer = await self._connect(place)
            try:
                answer = await _ask(place, reader, writer)
                target = answer.headers.get("location") if answer.status in _REDIRECTS else None
                if target is None:
                    _check_status(answer)
                    async for block in _body(answer, reader):
                        yield block
            except (OSError, asyncio.IncompleteReadError) as error:
                raise Temporary("the web server broke the connection") from error
            except asyncio.LimitOverrunError as error:
                raise Permanent("the web server's answer is malformed") from error
            except TimeoutError as error:
                raise Temporary("the web server fell silent") from error
            finally:
                writer.close()
            if target is None:
                return
            uri = urljoin(uri, target)
        raise Permanent("the web server redirects too often")

    async def _connect(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to one of the host's addresses that may be reached."""
        try:
            found = await self._resolve(place.host, place.port)
        except OSError as error:
            raise Temporary(f"the host {place.host} is not known") from error
        addresses = [ipaddress.ip_address(text.split("%")[0]) for text in found]
        for address in addresses:
            self._check(address)
        tls = ssl.create_default_context() if place.scheme == "https" else None
        options: dict[str, Any] = {"ssl": tls, "server_hostname": place.host} if tls else {}
        for address in addresses:
            with suppress(OSError):
                async with asyncio.timeout(_SILENCE):
                    return await asyncio.open_connection(str(address), place.port, limit=BLOCK, **options)
        raise Temporary(f"the host {place.host} cannot be reached")

    def _check(self, address: Address) -> None:
        """Refuse an address that is neither public nor in a network that is allowed. NotAllowed."""
        plain = _unwrapped(address)
        if any(plain in network for network in self._networks):
            return
        if not plain.is_global or plain.is_multicast or plain.is_reserved:
            raise NotAllowed("the address is not a public one")


def open_web(use: Callable[[type[Any]], Any]) -> Web:
    """Return the web of the settings."""
    return Web(use(ImageSettings))


def _unwrapped(address: Address) -> Address:
    """Return the address of version 4 that one of version 6 stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED or address in _TRANSLATED_HERE:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    text = f"{path}?{parts.query}" if parts.query else path
    return text.encode("ascii", "ignore").decode("ascii").replace(" ", "%20")


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _ask(place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Answer:
    lines = (
        f"GET {place.target} HTTP/1.1",
        f"Host: {place.authority}",
        "User-Agent: cumulo",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    writer.write("\r\n".join((*lines, "", "")).encode("ascii"))
    async with asyncio.timeout(_SILENCE):
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
    if len(head) > _LONGEST_HEAD:
        raise Permanent("the web server's answer is malformed")
    first, *rest = head.decode("latin-1").rstrip().split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():  # noqa: PLR2004  version, status
        raise Permanent("the web server's answer is malformed")
    pairs = (line.partition(":") for line in rest)
    return _Answer(int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs})


def _check_status(answer: _Answer) -> None:
    if answer.status >= _SERVER_ERROR:
        raise Temporary(f"the web server answered with status {answer.status}")
    if answer.status != _OK:
        raise Permanent(f"the web server answered with status {answer.status}")


async def _body(answer: _Answer, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    if "chunked" in answer.headers.get("transfer-encoding", "").lower():
        async for block in _chunks(reader):
            yield block
        return
    said = answer.headers.get("content-length")
    left = int(said) if said is not None and said.isdecimal() else None
    while left is None or left > 0:
        block = await _next(reader, BLOCK if left is None else min(BLOCK, left))
        if not block:
            if left is None:
                return
            raise Temporary("the web server broke the connection")
        left = None if left is None else left - len(block)
        yield block


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(_SILENCE):
            line = await reader.readuntil(b"\r\n")
        said = line.split(b";")[0].strip().decode("latin-1")
        if not said or len(said) > _LONGEST_LENGTH or not set(said) <= set(string.hexdigits):
            raise Permanent("the web server's answer is malformed")
        left = int(said, 16)
        if not left:
            return
        while left:
            block = await _next(reader, min(BLOCK, left))
            if not block:
                raise Temporary("the web server broke the connection")
            left -= len(block)
            yield block
        async with asyncio.timeout(_SILENCE):
            await reader.readexactly(2)


async def _next(reader: asyncio.StreamReader, most: int) -> bytes:
    async with asyncio.timeout(_SILENCE):
        return await reader.read(most)
