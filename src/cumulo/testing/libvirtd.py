"""A private libvirtd for tests, in a mount namespace of its own as the product's supervisor runs it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cumulo.runtime.engines.libvirt import guest_processes
from cumulo.runtime.state import StateFolder

BOUND = {
    "run": "/run/libvirt",
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "tpm-authority": "/var/lib/swtpm-localca",
    "tpm-log": "/var/log/swtpm",
}
QEMU_CONF = """
user = "root"
group = "root"
security_driver = "none"
namespaces = []
dynamic_ownership = 0
remember_owner = 0
swtpm_group = "root"
swtpm_user = "root"
"""
# libvirtd does not start where the user that Debian built it for is lacking, used or not.
ACCOUNT = {
    "passwd": "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n",
    "group": "libvirt-qemu:x:64055:\n",
}
SCRIPT = """
set -e
umask 022
while [ "$#" -gt 1 ]; do [ -f "$2" ] || mkdir -p "$2"; mount --bind "$1" "$2"; shift 2; done
cd /
umount /sys/fs/cgroup/unified 2> /dev/null || true
[ -S "$1/virtlogd-sock" ] || virtlogd --daemon --pid-file "$1/virtlogd.pid"
exec libvirtd --pid-file "$1/libvirtd.pid"
"""


class PrivateLibvirt(msgspec.Struct):
    """A running libvirtd, the folder it lives in, and how to reach it."""

    state: Path
    instance: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """What to give to libvirt to reach this daemon from outside its namespace."""
        return f"qemu:///system?socket={self.state}/libvirt/run/libvirt-sock"

    def prepare(self) -> None:
        """Make the folders and the configuration."""
        for name in BOUND:
            (self.state / "libvirt" / name).mkdir(parents=True)
        etc = self.state / "libvirt/etc"
        (etc / "libvirtd.conf").write_text('auth_unix_rw = "none"\nauth_unix_ro = "none"\n')
        (etc / "qemu.conf").write_text(QEMU_CONF)
        for name, line in ACCOUNT.items():
            known = Path("/etc", name).read_text()
            (self.state / "libvirt" / name).write_text(known + line)

    def start(self) -> None:
        """Start virtlogd and libvirtd; return once libvirtd has its socket."""
        folder = self.state / "libvirt"
        bound = BOUND | {name: f"/etc/{name}" for name in ACCOUNT}
        pairs = [text for name, at in bound.items() for text in (str(folder / name), at)]
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "libvirt"]
        with (self.state / "libvirtd.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  a fixed script, and paths of our own
                [*words, *pairs, str(folder / "run")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not (folder / "run" / "libvirt-sock").is_socket():
            assert self.process.poll() is None, (self.state / "libvirtd.log").read_text()
            assert time.monotonic() < deadline, "libvirtd has no socket after 30 s"
            time.sleep(0.05)

    def stop(self) -> None:
        """End libvirtd only; guests and virtlogd stay."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
        (self.state / "libvirt/run/libvirt-sock").unlink(missing_ok=True)

    def remove(self) -> None:
        """End everything, guests too, and delete the folder."""
        self.stop()
        for pid in [*guest_processes(StateFolder(self.state)).values(), *self._log_daemon()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.state)

    def _log_daemon(self) -> Iterator[int]:
        """Yield virtlogd's pid while it is virtlogd's."""
        file = self.state / "libvirt/run/virtlogd.pid"
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(file.read_text())
            if str(file).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield pid
