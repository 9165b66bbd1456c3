from typing import Any

import pytest
from structlog.testing import capture_logs

from cumulo.contracts.compute import GuestMetadata, Kept
from cumulo.node.metadata.app import MetadataApp
from cumulo.testing.metadata import FakeMetadata, a_guest


class Caller:
    """Calls the app as the HTTP server does."""

    def __init__(self) -> None:
        self.source = FakeMetadata()
        self.source.guests["net", "10.0.0.5"] = a_guest()
        self.app = MetadataApp(self._lookup, self._keep)
        self.lookups = 0

    async def _lookup(self, address: str) -> GuestMetadata | None:
        self.lookups += 1
        return await self.source.guest("net", address)

    async def _keep(self, address: str, password: str) -> Kept:
        return await self.source.keep_password("net", address, password)

    async def get(
        self, path: str, address: str = "10.0.0.5", method: str = "GET", pieces: tuple[bytes, ...] = ()
    ) -> tuple[int, bytes]:
        body = [
            {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
            for number, piece in enumerate(pieces, 1)
        ]
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return body.pop(0) if body else {"type": "http.disconnect"}

        scope = {"type": "http", "method": method, "path": path, "client": (address, 4242)}
        await self.app(scope, receive, send)
        return sent[0]["status"], sent[1]["body"]


@pytest.fixture
def caller() -> Caller:
    return Caller()


async def test_the_root_lists_versions_to_anybody(caller: Caller):
    assert await caller.get("/", "10.9.9.9") == (200, b"1.0\n2009-04-04\nlatest")
    status, body = await caller.get("/openstack", "10.9.9.9")
    assert status == 200
    assert body.split()[-1] == b"latest"


@pytest.mark.parametrize(
    "path",
    [
        "/latest/meta-data/hostname",
        "/2009-04-04/meta-data/hostname",
        "//latest//meta-data/hostname/",
    ],
)
async def test_a_file_is_found_however_its_path_is_written(caller: Caller, path: str):
    assert await caller.get(path) == (200, b"web")


async def test_the_keys_index_says_numbers_and_names(caller: Caller):
    assert await caller.get("/latest/meta-data/public-keys/") == (200, b"0=mine")
    status, body = await caller.get("/latest/meta-data/public-keys/0/openssh-key")
    assert (status, body) == (200, b"ssh-ed25519 AAAA me")


async def test_openstack_folders_have_an_index(caller: Caller):
    status, body = await caller.get("/openstack/latest/")
    assert status == 200
    assert {b"meta_data.json", b"network_data.json", b"user_data"} <= set(body.split())
    assert (await caller.get("/openstack/latest/vendor_data.json")) == (200, b"{}")
    assert (await caller.get("/openstack/latest/password")) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/openstack/1999-01-01/meta_data.json", "/nope", "/latest/nope", "/openstack/latest/../x"],
)
async def test_what_is_not_there_is_not_found(caller: Caller, path: str):
    assert (await caller.get(path))[0] == 404


async def test_a_stranger_finds_nothing(caller: Caller):
    assert (await caller.get("/latest/meta-data/hostname", "10.0.0.6"))[0] == 404


async def test_head_has_no_body_and_post_is_refused(caller: Caller):
    assert await caller.get("/latest/meta-data/hostname", method="HEAD") == (200, b"")
    assert (await caller.get("/latest/meta-data/hostname", method="POST"))[0] == 405


async def test_a_silent_control_plane_is_told_as_such(caller: Caller):
    caller.source.error = RuntimeError("down")
    assert (await caller.get("/latest/meta-data/hostname"))[0] == 503
    caller.source.error = None
    assert (await caller.get("/latest/meta-data/hostname"))[0] == 200


async def test_many_files_in_a_row_cost_one_lookup(caller: Caller):
    for path in ("/latest/meta-data/hostname", "/latest/meta-data/instance-id"):
        await caller.get(path)
    assert caller.lookups == 1


PASSWORD = "/openstack/2013-10-17/password"


async def test_a_guest_tells_its_password_once(caller: Caller):
    assert await caller.get(PASSWORD) == (200, b"")
    assert await caller.get(PASSWORD, method="POST", pieces=(b"c2Vj", b"cmV0")) == (200, b"")
    assert await caller.get("/openstack/latest/password") == (200, b"c2VjcmV0")
    assert (await caller.get(PASSWORD, method="POST", pieces=(b"b3RoZXI=",)))[0] == 409
    assert await caller.get(PASSWORD) == (200, b"c2VjcmV0")


@pytest.mark.parametrize(
    "pieces", [(b"x" * 1021,), (b"x" * 600, b"x" * 600), ("pässword".encode(),), (b"a\0b",), ()]
)
async def test_a_password_that_cannot_be_one_is_refused(caller: Caller, pieces: tuple[bytes, ...]):
    assert (await caller.get(PASSWORD, method="POST", pieces=pieces))[0] == 400
    assert await caller.get(PASSWORD) == (200, b"")


async def test_a_password_of_a_stranger_is_not_kept(caller: Caller):
    assert (await caller.get(PASSWORD, "10.0.0.6", "POST", (b"x",)))[0] == 404
    assert (await caller.get("/openstack/1999-01-01/password", method="POST", pieces=(b"x",)))[0] == 405
    caller.source.error = RuntimeError("down")
    assert (await caller.get(PASSWORD, method="POST", pieces=(b"x",)))[0] == 503


async def test_files_to_write_are_listed_and_lie_beside_the_versions(caller: Caller):
    caller.source.guests["net", "10.0.0.5"] = a_guest(files=(("/etc/motd", b"\xffhello"),))
    body = (await caller.get("/openstack/latest/meta_data.json"))[1]
    assert b'"files":[{"path":"/etc/motd","content_path":"/content/0000"}]' in body
    assert await caller.get("/openstack/content/0000") == (200, b"\xffhello")
    assert (await caller.get("/openstack/content/0001"))[0] == 404


async def test_guests_that_ask_on_and_on_fill_no_log(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    async def away(_: str) -> None:
        raise TimeoutError("the control plane is away")

    known = caller.app._lookup
    monkeypatch.setattr(caller.app, "_lookup", away)
    with capture_logs() as said:
        for _ in range(5):
            assert (await caller.get("/openstack/latest/meta_data.json"))[0] == 503
    assert [line["reason"] for line in said] == ["the control plane is away"]
    monkeypatch.setattr(caller.app, "_lookup", known)
    assert (await caller.get("/openstack/latest/meta_data.json"))[0] == 200
    monkeypatch.setattr(caller.app, "_lookup", away)
    with capture_logs() as said:
        await caller.get("/openstack/latest/meta_data.json", "10.0.0.6")
    assert len(said) == 1
