"""Which addresses an import from the web may reach, however they are written or resolved."""

import pytest

from cumulo.core.drivers import Permanent, Temporary
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.drivers.web import NotAllowed, Web

NOWHERE = "0.0.0.0"  # noqa: S104  refused, not bound
INSIDE = [
    "127.0.0.1", NOWHERE, "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2001:db8::1",
]  # fmt: skip


def web(*addresses: str, **settings: object) -> Web:
    async def resolve(host: str, port: int) -> list[str]:
        assert host == "example.org"
        return list(addresses)

    return Web(ImageSettings(**settings), resolve)  # type: ignore[arg-type]


async def read(reached: Web, uri: str = "http://example.org/") -> bytes:
    return b"".join([block async for block in reached.read(uri)])


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_refused(address: str):
    with pytest.raises(NotAllowed, match="public"):
        await read(web(address))


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_before_anything_is_resolved(address: str):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(NotAllowed, match="public"):
        web().place(f"http://{host}/")


async def test_a_name_with_one_address_inside_is_refused():
    with pytest.raises(NotAllowed):
        await read(web("8.8.8.8", "127.0.0.1"))


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("file:///etc/passwd", "scheme"),
        ("ftp://example.org/", "scheme"),
        ("gopher://example.org/", "scheme"),
        ("example.org", "scheme"),
        ("http:///path", "no host"),
        ("http://user:secret@example.org/", "credentials"),
        ("http://example.org:22/", "port 22"),
        ("http://example.org:99999/", "no URI"),
        ("http://[::1/", "no URI"),
        ("http://exam ple.org/", "no host"),
        ("http://example.org/\r\nHost: inside", "no host"),
    ],
)
def test_other_uris_are_refused(uri: str, reason: str):
    with pytest.raises(NotAllowed, match=reason):
        web().place(uri)


def test_an_operator_narrows_and_widens_what_is_reached():
    narrow = web(download_hosts=("example.org",), download_schemes=("https",), download_ports=(443, 8443))
    assert narrow.place("https://example.org:8443/a?b").target == "/a?b"
    for uri in ("http://example.org/", "https://example.com/", "https://example.org:444/"):
        with pytest.raises(NotAllowed):
            narrow.place(uri)
    wide = web(download_networks=("10.1.0.0/16", "fd00::/8"))
    assert wide.place("http://10.1.2.3/").host == "10.1.2.3"
    assert wide.place("http://[fd00::1]/").authority == "[fd00::1]"
    with pytest.raises(NotAllowed):
        wide.place("http://10.2.0.1/")


async def test_a_connection_is_made_to_the_address_that_was_checked():
    calls = []

    async def resolve(host: str, port: int) -> list[str]:
        calls.append(host)
        return ["127.0.0.1"] if len(calls) == 1 else ["10.0.0.1"]

    settings = ImageSettings(download_networks=("127.0.0.0/8",), download_ports=(1,))
    with pytest.raises(Temporary, match="cannot be reached"):
        await read(Web(settings, resolve), "http://example.org:1/")
    assert calls == ["example.org"]


async def test_an_unknown_name_is_said_to_be_unknown():
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises((Temporary, Permanent), match="not known"):
        await read(Web(ImageSettings(), resolve))
