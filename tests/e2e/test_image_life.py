"""Images under rough treatment: killed imports and uploads, and a guest from another hypervisor's disk."""

import contextlib
import http.client
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cumulo.runtime.client import Refused, Session
from cumulo.services.image.tasks import ImportImage
from cumulo.testing.launched import LaunchedCloud, until
from cumulo.testing.residence import Residence

SETTINGS = """
[engines]
start = false
[node]
hypervisor = "fake"
[image]
upload_silence = 3.0
[image.stores.second]
"""
POINTS = [f"ImportImage.{part}:{moment}" for part in ImportImage.parts for moment in ("before", "after")]
IMAGES = "/image/v2/images"
DATA = bytes(range(256)) * 40_000
RAW = {"disk_format": "raw", "container_format": "bare"}


@pytest.fixture(scope="module")
def bare(make_cloud: Callable[..., LaunchedCloud]) -> LaunchedCloud:
    """A cloud without engines."""
    cloud = make_cloud(SETTINGS)
    cloud.up()
    return cloud


@pytest.fixture
def session(bare: LaunchedCloud) -> Iterator[Callable[[], Session]]:
    """Make sessions of the administrator, closed at the end."""
    with contextlib.ExitStack() as stack:

        def make() -> Session:
            return stack.enter_context(contextlib.closing(Session.of(bare.state, "cumulo-admin")))

        yield make


def files(cloud: LaunchedCloud) -> list[str]:
    """Return what lies in the stores, by folder and name."""
    kept = (path for path in cloud.state.path.glob("images*/**/*") if path.is_file())
    return sorted(path.relative_to(cloud.state.path).as_posix() for path in kept)


def rests(api: Session, image_id: str) -> dict[str, Any]:
    """Wait until nothing is under way with an image; return it."""

    def look() -> dict[str, Any] | None:
        with contextlib.suppress(Refused, OSError, http.client.HTTPException):
            shown: dict[str, Any] = api.get(f"{IMAGES}/{image_id}")
            return shown if shown["status"] in ("queued", "active") else None
        return None

    return until(look, seconds=60, what=f"image {image_id} to come to rest")


@pytest.mark.parametrize("point", [point for point in POINTS if ".fetch:" not in point])
def test_an_import_that_was_killed_goes_on(
    bare: LaunchedCloud, session: Callable[[], Session], point: str, tmp_path: Path
):
    bare.kill()
    bare.up(CUMULO_KILL_AT=point)
    process = bare.server
    api = session()
    image_id = api.post(IMAGES, {"name": point, **RAW})["id"]
    data = tmp_path / "data"
    data.write_bytes(DATA)
    with data.open("rb") as file:
        api.upload(f"{IMAGES}/{image_id}/stage", file)
    with contextlib.suppress(Refused, OSError, http.client.HTTPException):
        api.post(f"{IMAGES}/{image_id}/import", {"method": {"name": "glance-direct"}, "all_stores": True})
    until(lambda: not process.alive(), seconds=60, what=f"the death at {point}")
    bare.kill()
    bare.up()
    api = session()
    shown = rests(api, image_id)
    assert (shown["status"], shown["size"], shown["stores"]) == ("active", len(DATA), "file,second")
    api.delete(f"{IMAGES}/{image_id}")
    until(lambda: files(bare) == [], what=f"nothing left; now {files(bare)}")


@pytest.mark.parametrize("verb", ["file", "stage"])
def test_an_upload_that_was_killed_can_be_begun_again(
    bare: LaunchedCloud, session: Callable[[], Session], verb: str, tmp_path: Path
):
    api = session()
    image_id = api.post(IMAGES, {"name": "cut", **RAW})["id"]
    parts = urlsplit(bare.url)
    token = api._token
    with socket.create_connection((parts.hostname, parts.port)) as wire:
        head = f"PUT {IMAGES}/{image_id}/{verb} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n"
        head += f"Content-Type: application/octet-stream\r\nContent-Length: {2 * len(DATA)}\r\n\r\n"
        wire.sendall(head.encode() + DATA)
        until(lambda: any("uploads/" in name for name in files(bare)), what="the upload to have begun")
        bare.kill()
    bare.up()
    api = session()
    assert rests(api, image_id)["status"] == "queued"
    until(lambda: files(bare) == [], what=f"nothing left; now {files(bare)}")
    data = tmp_path / "data"
    data.write_bytes(DATA)
    with data.open("rb") as file:
        api.upload(f"{IMAGES}/{image_id}/file", file)
    assert api.get(f"{IMAGES}/{image_id}")["status"] == "active"
    api.delete(f"{IMAGES}/{image_id}")


def test_a_guest_boots_from_another_hypervisors_disk(
    cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("vmdk")
    home = Residence(cloud, cloud.user("iris"), folder)
    home.network("home", "10.17.0.0/24", router="door")
    mini, disk = folder / "mini.qcow2", folder / "mini.vmdk"
    home.user("image", "save", "--file", str(mini), "mini")
    words = ["-f", "qcow2", "-O", "vmdk", "-o", "subformat=streamOptimized"]
    subprocess.run(["qemu-img", "convert", *words, str(mini), str(disk)], check=True)
    home.user("image", "create", "--disk-format", "vmdk", "--file", str(disk), "foreign")
    guest = home.boot("traveller", "home", image="foreign")
    assert guest.boot_id
