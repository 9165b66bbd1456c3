"""A real guest that writes to a volume all the while: it must not notice a kill, nor lose what it flushed."""

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cumulo.runtime.chaos.home import COMPUTE, FLAVORS, NETWORK, VOLUME, Home
from cumulo.runtime.chaos.promises import Promises
from cumulo.testing.guests import OPTIONS, Guest, make_key
from cumulo.testing.launched import CommandRefused

_BLOCK = 512  # bytes; each holds its own number
_BOOTED_WITHIN = 300.0  # seconds
_SOUND_WITHIN = 60.0
_WRITE = (
    "i={first}; while :; do printf %08d $i | dd of=/dev/vdb bs=512 seek=$i conv=sync,fsync 2>/dev/null "
    "|| exit 1; echo $i; i=$((i+1)); sleep 0.2; done"
)


class Witness:
    """One guest of a home with a floating IP and a volume, into which blocks are written one by one."""

    def __init__(self, home: Home, promises: Promises) -> None:
        self._home = home
        self._promises = promises
        self._over = threading.Event()
        self._flushed = -1
        self._folder = tempfile.TemporaryDirectory(prefix="cumulo-chaos-")
        self._writing = threading.Thread(target=self._write, name="witness")
        self._session: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Boot the guest, give it the volume, and begin to write."""
        self.server = self._boot()
        self._guest.wait(_BOOTED_WITHIN)
        volume = self._home.caller.insist("POST", f"{VOLUME}/volumes", {"volume": {"size": 1}})["volume"][
            "id"
        ]
        self._until(lambda: self._shown(f"{VOLUME}/volumes/{volume}")["status"] == "available")
        path = f"{COMPUTE}/servers/{self.server}/os-volume_attachments"
        self._home.caller.insist("POST", path, {"volumeAttachment": {"volumeId": volume}})
        self._until(lambda: self._shown(f"{VOLUME}/volumes/{volume}")["status"] == "in-use")
        self.volume = volume
        self._boot_id = self._guest.boot_id
        self._writing.start()

    def stop(self) -> None:
        """Stop writing."""
        self._over.set()
        if self._session is not None:
            self._session.terminate()
        if self._writing.is_alive():
            self._writing.join()

    def finish(self) -> None:
        """Stop writing, and look at what is there."""
        self.stop()
        try:
            self._guest.wait(_SOUND_WITHIN)
            if self._guest.boot_id != self._boot_id:
                self._promises.violated(self.server, "the guest of this server was booted anew")
            self._compare(
                self._guest.run(f"dd if=/dev/vdb bs={_BLOCK} count={self._flushed + 1} 2>/dev/null")
            )
        except (CommandRefused, TimeoutError) as error:
            self._promises.violated(self.server, f"the guest of this server does not answer: {error}")
        if not self.flushed:
            self._promises.violated(self.server, "the guest of this server never wrote a block")
        self._folder.cleanup()

    @property
    def flushed(self) -> int:
        """How many blocks were written and flushed."""
        return self._flushed + 1

    def _compare(self, content: str) -> None:
        lost = [
            number
            for number in range(self.flushed)
            if content[number * _BLOCK : number * _BLOCK + 8] != f"{number:08d}"
        ]
        if lost:
            what = (
                f"of {self.flushed} flushed blocks of this volume {len(lost)} are lost, the first {lost[0]}"
            )
            self._promises.violated(self.volume, what)

    def _write(self) -> None:
        """Write block after block in one session, in another one when that broke."""
        options = [text for option in OPTIONS for text in ("-o", option)]
        to = [f"root@{self._guest.address}"]
        while not self._over.is_set():
            line = _WRITE.format(first=self._flushed + 1)
            self._session = subprocess.Popen(  # noqa: S603  a list of arguments of our own
                ["ssh", "-i", str(self._guest.key), *options, *to, line],  # noqa: S607  the system's ssh
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for said in self._session.stdout or ():
                with contextlib.suppress(ValueError):
                    self._flushed = int(said)
            self._session.wait()
            self._over.wait(1)

    def _boot(self) -> str:
        home, ask = self._home, self._home.caller.insist
        key = Path(self._folder.name) / "key"
        public = make_key(key).read_text(encoding="ascii").strip()
        ask("POST", f"{COMPUTE}/os-keypairs", {"keypair": {"name": "k", "type": "ssh", "public_key": public}})
        door = {"direction": "ingress", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
        group = ask("POST", f"{NETWORK}/security-groups", {"security_group": {"name": "door"}})
        rule = {**door, "security_group_id": group["security_group"]["id"]}
        ask("POST", f"{NETWORK}/security-group-rules", {"security_group_rule": rule})
        port = {"network_id": home.network, "security_groups": [rule["security_group_id"]]}
        port_id = ask("POST", f"{NETWORK}/ports", {"port": port})["port"]["id"]
        body = {"name": "witness", "imageRef": home.image, "flavorRef": FLAVORS[0], "key_name": "k"}
        made = ask("POST", f"{COMPUTE}/servers", {"server": {**body, "networks": [{"port": port_id}]}})
        server = str(made["server"]["id"])
        self._until(lambda: self._shown(f"{COMPUTE}/servers/{server}")["status"] == "ACTIVE")
        floating = {"floating_network_id": home.outside, "port_id": port_id}
        address = ask("POST", f"{NETWORK}/floatingips", {"floatingip": floating})["floatingip"]
        self._guest = Guest(address["floating_ip_address"], key)
        return server

    def _shown(self, path: str) -> Any:
        return next(iter(self._home.caller.insist("GET", path).values()))

    @staticmethod
    def _until(condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + _BOOTED_WITHIN
        while not condition():
            if time.monotonic() > give_up:
                raise TimeoutError("the witness is not there in time")
            time.sleep(1)  # a command polls; no event loop is here
