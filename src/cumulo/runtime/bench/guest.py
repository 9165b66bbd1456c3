"""What a real guest gets of its volume, by fio, beside disks that were given to the same QEMU by hand.

One guest has all of them (`bench/beside.py`), so all else is the same: an export of a local volume, attached
through the API; the same chain of programs started by hand, which is what a volume is held against; and a
file that QEMU opens itself, which tells what the way through another process costs. The guest reads and
writes each past its page cache, turn about; of each the best quarter of the rounds counts.
"""

import base64
import re
import statistics
from collections.abc import Iterator
from typing import Any

import msgspec

from cumulo.runtime.bench.beside import given_by_hand
from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure, come
from cumulo.runtime.state import StateFolder

COMPUTE, VOLUMES = "/compute/v2.1", "/volume/v3/volumes"
WAIT = {"seconds": 1200.0, "pause": 2.0}  # looks must not disturb
ROUNDS = 24
REACH = 1 / 0.95  # times what the chain started by hand takes
DISKS = ("volume", "chain", "file")
KINDS = {  # what a line of the table says → fio's words
    "read 4 KiB, 1 at once": "--rw=randread --bs=4k --iodepth=1",
    "read 4 KiB, 16 at once": "--rw=randread --bs=4k --iodepth=16",
    "read 1 MiB, 4 at once": "--rw=read --bs=1m --iodepth=4",
    "write 4 KiB, 1 at once": "--rw=randwrite --bs=4k --iodepth=1 --fsync=256",
    "write 4 KiB, 16 at once": "--rw=randwrite --bs=4k --iodepth=16 --fsync=256",
    "write 1 MiB, 4 at once": "--rw=write --bs=1m --iodepth=4 --fsync=64",
}
_GLOBAL = (
    "--ioengine=libaio --direct=1 --gtod_reduce=1 --norandommap --thread --time_based --runtime=300ms "
    "--size=128m --output-format=terse --terse-version=3"
)
_READ, _WRITTEN = 7, 48  # the fields of fio's terse lines (version 3) that hold KiB a second
_SCRIPT = f"""#!/bin/sh
disk() {{ for d in /sys/block/vd*; do grep -q "^$1" $d/serial 2>/dev/null && echo /dev/${{d##*/}}; done; }}
until [ "$volume" ] && [ "$chain" ] && [ "$file" ] && [ "$fio" ]; do
    sleep 1; volume=$(disk VOLUME); chain=$(disk chain); file=$(disk file); fio=$(disk fio)
done
mount -o ro $fio /media
for disk in $volume $chain $file; do dd if=/dev/zero of=$disk bs=1M count=128 oflag=direct; done
for round in ROUNDS; do
    [ $((round % 2)) = 0 ] && order="volume chain file" || order="file chain volume"
    JOBS="$(WORK)"
    /media/loader --library-path /media/lib /media/fio {_GLOBAL} $JOBS > /run/measured 2>&1
    cut -d ';' -f 3,{_READ},{_WRITTEN} /run/measured | sed 's:^:measured;:' > /dev/console
done
echo "measured/all/" > /dev/console
"""
_MEASURED = re.compile(r"measured;(volume|chain|file)-(\d+);(\d+);(\d+)")


class GuestDisks:
    """One guest of an administrator's, with all the disks."""

    def __init__(self, state: StateFolder, client: Client) -> None:
        self.state = state
        self.client = client
        client.issue()

    def figures(self) -> Iterator[Figure]:
        """Boot the guest, have it measure, and compare."""
        volume = self.client.json("POST", VOLUMES, {"volume": {"size": 1}})["volume"]["id"]
        server = self._boot(script(volume))
        come(lambda: self._server(server)["status"] == "ACTIVE", "the server", **WAIT)
        attachment = {"volumeAttachment": {"volumeId": volume}}
        self.client.call("POST", f"{COMPUTE}/servers/{server}/os-volume_attachments", attachment)
        with given_by_hand(self.state, server):
            self.client.connection.close()  # silent for so long, it was hung up; the next call opens it
            come(lambda: "measured/all/" in self._console(server), "the guest's measuring", **WAIT)
            yield from compared(self._console(server))

    def _boot(self, user_data: str) -> str:
        images = come(
            lambda: self.client.json("GET", "/image/v2/images?name=mini&status=active")["images"],
            "the image",
            **WAIT,
        )
        flavor = {"name": "bench", "ram": 384, "vcpus": 1, "disk": 1, "id": "bench"}
        self.client.call("POST", f"{COMPUTE}/flavors", {"flavor": flavor})
        wanted = {
            "name": "bench",
            "flavorRef": "bench",
            "imageRef": images[0]["id"],
            "networks": "none",
            "config_drive": True,
            "user_data": base64.b64encode(user_data.encode()).decode(),
        }
        newest = {"X-OpenStack-Nova-API-Version": "2.90"}
        made = self.client.call("POST", f"{COMPUTE}/servers", {"server": wanted}, newest)
        return str(msgspec.json.decode(made)["server"]["id"])

    def _server(self, server: str) -> Any:
        found = self.client.json("GET", f"{COMPUTE}/servers/{server}")["server"]
        if found["status"] == "ERROR":
            raise RuntimeError(f"the server failed: {found.get('fault')}")
        return found

    def _console(self, server: str) -> str:
        action: Any = {"os-getConsoleOutput": {}}
        return str(self.client.json("POST", f"{COMPUTE}/servers/{server}/action", action)["output"])


def script(volume: str) -> str:
    """Return what the guest does; `volume` begins the serial number of the one disk."""
    jobs = " ".join(
        'for which in $order; do eval "disk=\\$$which"; '
        f'echo "--name=$which-{number} --stonewall --filename=$disk {words}"; done;'
        for number, words in enumerate(KINDS.values())
    )
    rounds = " ".join(map(str, range(ROUNDS)))
    return _SCRIPT.replace("WORK", jobs).replace("ROUNDS", rounds).replace("VOLUME", volume[:18])


def compared(said: str) -> Iterator[Figure]:
    """Yield, for each kind of work, how many times slower a volume is than each of the others."""
    rates: dict[tuple[str, int], list[int]] = {}
    for which, number, read, written in _MEASURED.findall(said):
        rates.setdefault((which, int(number)), []).append(max(int(read), int(written)))
    for number, name in enumerate(KINDS):
        volume, chain, file = (_undisturbed(rates[which, number]) for which in DISKS)
        rate = volume / 1024 * (1 if "MiB" in name else 256)
        yield Figure(name=f"fio {name}", rate=rate, value=chain / volume, unit="x by hand", reach=REACH)
        yield Figure(name="", value=file / volume, unit="x a file")


def _undisturbed(rates: list[int]) -> float:
    """Return the mean of the best quarter: neither what else the machine does nor a lucky round counts."""
    return statistics.mean(sorted(rates)[-max(len(rates) // 4, 1) :])
