"""What is measured of images and volumes: on a cloud with its real stores, beside the disk's own rate.

`dd` writes and reads in the same folder and run, each time directly before what it is held against, and
what counts is the disk, not the memory before it: writing ends when all is on the disk (`conv=fsync`),
reading goes past the page cache (`iflag=direct`). Beside it stands writing past the page cache
(`oflag=direct conv=fsync`). Of each the best of several rounds counts, for both sides alike: what else the
machine does is no part of it.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, cpu_seconds, measure
from cumulo.runtime.bench.workload import PATIENCE
from cumulo.runtime.state import StateFolder

SETTINGS = """
[quota.limits.block_storage]
volumes = -1
gigabytes = -1
"""
IMAGES, VOLUMES = "/image/v2/images", "/volume/v3/volumes"
SIZE = 256 << 20  # bytes of the image
ROUNDS = 5
BATCH = 50
MANY = 500
LOOK = 0.02  # seconds between two looks at many volumes
UPLOAD, DOWNLOAD = 1 / 0.6, 1 / 0.8  # as many times what dd takes are allowed: 60 % and 80 % of its rate


class Storage:
    """The calls, as one administrator, against the server process `pid`."""

    def __init__(self, state: StateFolder, client: Client, pid: int) -> None:
        self.folder = state.path
        self.client = client
        self.pid = pid
        client.issue()

    def figures(self) -> Iterator[Figure]:
        """Measure all, one line of the table after another."""
        yield from self.images()
        yield measure("volume create to available, one", self.pid, self.make_volume, 20, reach_wall_ms=50)
        yield self.many_volumes()
        self.fill()
        url = f"{VOLUMES}/detail?limit={MANY}"
        yield measure(
            f"volume detail, {MANY}", self.pid, lambda: self.client.call("GET", url), 20, reach_cpu_ms=8
        )

    def images(self) -> Iterator[Figure]:
        """Upload an image and download it, against `dd`."""
        beside = self.folder / "beside"
        beside.write_bytes(os.urandom(SIZE))
        try:
            rounds = [self._round(beside) for _ in range(ROUNDS)]
        finally:
            for file in (beside, Path(f"{beside}.new")):
                file.unlink(missing_ok=True)
        writing, straight, uploads, reading, downloads = zip(*rounds, strict=True)
        yield _against("image upload, beside dd, fsync", uploads, writing, UPLOAD)
        yield _against("image upload, beside dd, direct", uploads, straight, None)
        yield _against("image download, beside dd, direct", downloads, reading, DOWNLOAD)

    def _round(self, beside: Path) -> tuple[float, float, float, float, float]:
        """Return the seconds of writing a file in two ways, its upload, reading it, its download."""
        data = beside.read_bytes()
        made: list[str] = []
        source, target = f"if={beside}", f"of={beside}.new"
        writing = _timed(lambda: self._dd(source, target, "conv=fsync"))
        straight = _timed(lambda: self._dd(source, target, "oflag=direct", "conv=fsync"))
        upload = _timed(lambda: made.append(self._upload(data)))
        self._forget_cached()
        reading = _timed(lambda: self._dd(source, "of=/dev/null", "iflag=direct"))
        download = _timed(lambda: self._download(made[0]))
        self.client.call("DELETE", f"{IMAGES}/{made[0]}")
        return writing, straight, upload, reading, download

    def make_volume(self) -> None:
        """Create a volume and wait until it is available."""
        self._wait(self.client, self._create(self.client))

    def many_volumes(self) -> Figure:
        """Create volumes side by side, each by a request of its own, and wait until all are available."""
        clients = [self.client.twin() for _ in range(BATCH)]
        made: list[str] = []
        threads = [
            threading.Thread(target=lambda each=each: made.append(self._create(each))) for each in clients
        ]
        spent = cpu_seconds(self.pid)

        def run() -> None:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self._wait_for_all(made)

        seconds = _timed(run)
        if len(made) != BATCH:
            raise RuntimeError(f"only {len(made)} of {BATCH} volumes were made")
        return Figure(
            name=f"volume create to available, {BATCH} at once",
            count=BATCH,
            cpu_ms=(cpu_seconds(self.pid) - spent) / BATCH * 1000,
            rate=BATCH / seconds,
            value=seconds,
            unit="s",
            reach=1.0,
        )

    def fill(self) -> None:
        """Have as many volumes as a page of the list holds."""
        there = len(self.client.json("GET", f"{VOLUMES}?limit={MANY}")["volumes"])
        self._wait_for_all([self._create(self.client) for _ in range(MANY - there)])

    def _create(self, client: Client) -> str:
        return str(client.json("POST", VOLUMES, {"volume": {"size": 1}})["volume"]["id"])

    def _wait(self, client: Client, volume: str) -> None:
        give_up = time.monotonic() + PATIENCE
        while (status := client.json("GET", f"{VOLUMES}/{volume}")["volume"]["status"]) != "available":
            if status == "error" or time.monotonic() > give_up:
                raise RuntimeError(f"volume {volume} is {status}")
            time.sleep(0.001)

    def _wait_for_all(self, volumes: list[str]) -> None:
        """Wait until all are available; one look tells of all."""
        give_up = time.monotonic() + PATIENCE
        missing = set(volumes)
        while missing:
            if time.monotonic() > give_up:
                raise RuntimeError(f"{len(missing)} volumes did not become available")
            time.sleep(LOOK)
            found = self.client.json("GET", f"{VOLUMES}?status=available&limit=1000")["volumes"]
            missing -= {volume["id"] for volume in found}

    def _upload(self, data: bytes) -> str:
        kind = {"name": "bench", "disk_format": "raw", "container_format": "bare"}
        image = str(self.client.json("POST", IMAGES, kind)["id"])
        self.client.call("PUT", f"{IMAGES}/{image}/file", data, {"Content-Type": "application/octet-stream"})
        return image

    def _download(self, image: str) -> None:
        if self.client.drain(f"{IMAGES}/{image}/file") != SIZE:
            raise RuntimeError("the image came back shorter than it was")

    def _forget_cached(self) -> None:
        """Have the kernel read what was written from the disk again."""
        for file in self.folder.rglob("*"):
            if file.is_file() and file.stat().st_size == SIZE:
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
                    os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def _dd(self, *words: str) -> None:
        subprocess.run(["dd", "bs=1M", "status=none", *words], check=True)  # noqa: S603, S607  our own words


def _timed(work: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _against(name: str, times: Sequence[float], disk: Sequence[float], reach: float | None) -> Figure:
    """Return how many times as long as the disk's own time something took, by the best of each."""
    seconds, least = min(times), min(disk)
    return Figure(
        name=name,
        count=len(times),
        wall_ms=seconds * 1000,
        rate=SIZE / 1e6 / seconds,
        value=seconds / least,
        unit="x dd",
        reach=reach,
    )
