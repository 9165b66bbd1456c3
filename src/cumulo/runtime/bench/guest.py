"""What a real guest gets of its volume, beside the same QEMU with a file that was given to it by hand.

One guest has both disks, so all else is the same: an export of a local volume, attached through the API, and
a raw file of the same folder, attached by libvirt with QEMU's own cache mode. The guest (the built-in image)
reads and writes each in turn with busybox's `dd` past its page cache: 1 MiB and 4 KiB at a time, each writing
ended by an fsync. The built-in image has no `fio`; what counts is the ratio.
"""

import base64
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt
import msgspec

from cumulo.runtime.bench.client import Client
from cumulo.runtime.bench.meter import Figure
from cumulo.runtime.engines.libvirt import uri
from cumulo.runtime.state import StateFolder

COMPUTE, VOLUMES = "/compute/v2.1", "/volume/v3/volumes"
BY_HAND = "byhand"  # the serial number of the disk that was given by hand
GIB = 1 << 30
PATIENCE = 600.0  # seconds
LOOK = 0.2  # seconds between two looks
ROUNDS = 4  # the first fills the disks, and does not count
REACH = 1 / 0.95  # times what the disk given by hand takes
KINDS = {
    "write, 1 MiB": "if=/dev/zero of={disk} bs=1M count=64 oflag=direct conv=fsync",
    "read, 1 MiB": "if={disk} of=/dev/null bs=1M count=64 iflag=direct",
    "write, 4 KiB": "if=/dev/zero of={disk} bs=4k count=1000 oflag=direct conv=fsync",
    "read, 4 KiB": "if={disk} of=/dev/null bs=4k count=1000 iflag=direct",
}
_SCRIPT = """#!/bin/sh
disk() { for d in /sys/block/vd*; do grep -q "^$1" $d/serial 2>/dev/null && echo /dev/${d##*/}; done; }
until [ "$volume" ] && [ "$hand" ]; do sleep 1; volume=$(disk VOLUME); hand=$(disk HAND); done
measure() {
    read began rest < /proc/uptime
    dd $3 2> /dev/null
    read ended rest < /proc/uptime
    echo "measured/$1/$2/$(( ${ended%.*}${ended#*.} - ${began%.*}${began#*.} ))/" > /dev/console
}
for round in ROUNDS; do
    for which in volume hand; do
        [ $which = volume ] && disk=$volume || disk=$hand
WORK
    done
done
echo "measured/all/" > /dev/console
"""
_MEASURED = re.compile(r"measured/(volume|hand)/(\d+)/(\d+)/")


class GuestDisks:
    """One guest of an administrator's, with the two disks."""

    def __init__(self, state: StateFolder, client: Client) -> None:
        self.state = state
        self.client = client
        client.issue()

    def figures(self) -> Iterator[Figure]:
        """Boot the guest, have it measure, and compare."""
        volume = self.client.json("POST", VOLUMES, {"volume": {"size": 1}})["volume"]["id"]
        server = self._boot(_script(volume))
        self._until(lambda: self._server(server)["status"] == "ACTIVE", "the server")
        attachment = {"volumeAttachment": {"volumeId": volume}}
        self.client.call("POST", f"{COMPUTE}/servers/{server}/os-volume_attachments", attachment)
        self._give_by_hand(server)
        self._until(lambda: "measured/all/" in self._console(server), "the guest's measuring")
        yield from _compared(self._console(server))

    def _boot(self, script: str) -> str:
        images = self._until(
            lambda: self.client.json("GET", "/image/v2/images?name=mini&status=active")["images"], "the image"
        )
        flavor = {"name": "bench", "ram": 256, "vcpus": 1, "disk": 1, "id": "bench"}
        self.client.call("POST", f"{COMPUTE}/flavors", {"flavor": flavor})
        wanted = {
            "name": "bench",
            "flavorRef": "bench",
            "imageRef": images[0]["id"],
            "networks": "none",
            "config_drive": True,
            "user_data": base64.b64encode(script.encode()).decode(),
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

    def _give_by_hand(self, server: str) -> None:
        file = self.state.path / "by-hand.raw"
        with file.open("wb") as made:
            made.truncate(GIB)
        connection = libvirt.open(uri(self.state))
        try:
            connection.lookupByUUIDString(server).attachDevice(_disk(file))
        finally:
            connection.close()

    def _until(self, condition: Callable[[], Any], what: str) -> Any:
        give_up = time.monotonic() + PATIENCE
        while not (found := condition()):
            if time.monotonic() > give_up:
                raise RuntimeError(f"{what} did not come")
            time.sleep(LOOK)
        return found


def _script(volume: str) -> str:
    """Return what the guest does; `volume` begins the serial number of the one disk."""
    lines = [
        f"        measure $which {number} '{words}'".replace("{disk}", "'$disk'")
        for number, words in enumerate(KINDS.values())
    ]
    rounds = " ".join(map(str, range(ROUNDS)))
    script = _SCRIPT.replace("WORK", "\n".join(lines)).replace("ROUNDS", rounds)
    return script.replace("VOLUME", volume[:18]).replace("HAND", BY_HAND)


def _disk(file: Path) -> str:
    """Return a disk as QEMU opens one by itself: libvirt leaves its cache mode alone."""
    disk = ET.Element("disk", type="file", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="raw", discard="unmap")
    ET.SubElement(disk, "source", file=str(file))
    ET.SubElement(disk, "target", dev="vdy", bus="virtio")
    ET.SubElement(disk, "serial").text = BY_HAND
    return ET.tostring(disk, encoding="unicode")


def _compared(said: str) -> Iterator[Figure]:
    """Yield, for each kind of work, how many times the time of the disk given by hand the volume takes."""
    took: dict[tuple[str, int], list[float]] = {}
    for which, number, hundredths in _MEASURED.findall(said):
        took.setdefault((which, int(number)), []).append(int(hundredths) / 100)
    for number, name in enumerate(KINDS):
        volume, hand = (min(took[which, number][1:]) for which in ("volume", "hand"))
        yield Figure(
            name=f"guest: {name}",
            count=ROUNDS - 1,
            wall_ms=volume * 1000,
            value=volume / hand,
            unit="x by hand",
            reach=REACH,
        )
