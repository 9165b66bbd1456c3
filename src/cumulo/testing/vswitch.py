"""A private Open vSwitch for tests: its own database, daemon and bridge in a folder, in user space."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import msgspec

from cumulo.runtime.engines import datapath

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class PrivateSwitch(msgspec.Struct):
    """A running switch with the bridge `bridge`, all of whose files are in `folder`."""

    folder: Path
    bridge: str

    @property
    def address(self) -> str:
        """The database's address."""
        return f"unix:{self.folder}/vswitch.sock"

    def start(self) -> None:
        """Start the daemons and make the bridge."""
        database = str(self.folder / "conf.db")
        _run("ovsdb-tool", "create", database, SCHEMA)
        remote = f"--remote=p{self.address}"
        self._daemon("ovsdb-server", database, remote)
        self.vsctl("--no-wait", "init")
        with datapath.sole_start_blocking():
            self._daemon("ovs-vswitchd", self.address)
            self.vsctl("add-br", self.bridge, "--", "set", "bridge", self.bridge, "datapath_type=netdev")
            datapath.rename(f"d{self.bridge}"[:15])

    def vsctl(self, *words: str) -> str:
        """Run `ovs-vsctl` on this switch's database; return what it printed."""
        return _run("ovs-vsctl", "--timeout=10", f"--db={self.address}", *words)

    def remove(self) -> None:
        """Remove the bridge, end the daemons and delete the folder."""
        if (self.folder / "ovs-vswitchd.pid").exists():
            self.vsctl("--if-exists", "del-br", self.bridge)
        for file in self.folder.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGTERM)
        datapath.remove(f"d{self.bridge}"[:15])
        deadline = time.monotonic() + 10
        while list(self.folder.glob("*.pid")) and time.monotonic() < deadline:
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _daemon(self, program: str, *words: str) -> None:
        at = self.folder / program
        _run(
            *("env", f"OVS_RUNDIR={self.folder}", program),
            *words,
            *(f"--pidfile={at}.pid", f"--unixctl={at}.ctl", f"--log-file={at}.log", "--detach"),
        )


def _run(*words: str) -> str:
    environment = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    done = subprocess.run(  # noqa: S603  our own words
        words, check=True, capture_output=True, text=True, env=environment, timeout=30
    )
    return done.stdout
