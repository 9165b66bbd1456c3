"""An NFS server of the tests' own: nfs-ganesha, with rpcbind, in a network namespace with one address."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

PROGRAMS = ("ganesha.nfsd", "rpcbind", "ip")
MARKS = [
    pytest.mark.engines,
    pytest.mark.xdist_group("nfs"),
    pytest.mark.skipif(not all(shutil.which(name) for name in PROGRAMS), reason="needs nfs-ganesha"),
]
"""Of tests that use a server: all share one."""

EXPORT = "/share"
_CONF = """
NFS_CORE_PARAM {{
    Bind_addr = {address};
    Protocols = 3, 4;
    Enable_NLM = false;
    Enable_RQUOTA = false;
    mount_path_pseudo = true;
    allow_set_io_flusher_fail = true;
}}
NFSv4 {{ RecoveryRoot = {folder}/recovery; Grace_Period = 5; Lease_Lifetime = 5; }}
EXPORT {{
    Export_Id = 1;
    Path = {folder}/share;
    Pseudo = {export};
    Access_Type = RW;
    Protocols = 3, 4;
    Squash = No_Root_Squash;
    SecType = sys;
    FSAL {{ Name = VFS; }}
}}
"""
_INSIDE = """
set -e
mount --make-rprivate /
mkdir -p "$1/run"
mount --bind "$1/run" /run
rpcbind -f -w -h "$2" & echo $! >"$1/rpcbind.pid"
until [ -S /run/rpcbind.sock ]; do sleep 0.05; done
echo $$ >"$1/ganesha.pid"
exec ganesha.nfsd -F -f "$1/ganesha.conf" -L "$1/ganesha.log" -p "$1/nfsd.pid"
"""


class PrivateNfs(msgspec.Struct):
    """A running server. Its share is the folder `share` in `folder`; `number` (0-255) makes names unique."""

    folder: Path
    number: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The server's address."""
        return f"198.18.{self.number}.2"

    @property
    def _namespace(self) -> str:
        return f"cunfs{os.getpid()}"

    @property
    def _link(self) -> str:
        return f"cunfs{self.number}"

    def start(self) -> None:
        """Make the namespace and start the server in it; return when it answers."""
        space, link = self._namespace, self._link
        for name in ("share", "recovery"):
            (self.folder / name).mkdir()
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "addr", "add", f"198.18.{self.number}.1/24", "dev", link)
        _run("ip", "link", "set", link, "up")
        _run("ip", "-n", space, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", space, "link", "set", device, "up")
        conf = _CONF.format(folder=self.folder, address=self.address, export=EXPORT)
        (self.folder / "ganesha.conf").write_text(conf)
        with (self.folder / "out.log").open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  a fixed script, and paths of our own
                [
                    *("ip", "netns", "exec", space, "unshare", "--mount"),
                    *("sh", "-c", _INSIDE, "nfs", str(self.folder), self.address),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, (self.folder / "ganesha.log").read_text()[-2000:]
            time.sleep(0.1)

    def remove(self) -> None:
        """End it and delete its files."""
        for name in ("ganesha.pid", "rpcbind.pid"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
                os.kill(int((self.folder / name).read_text()), signal.SIGKILL)
        if self.process is not None:
            self.process.wait(20)
        for words in (("link", "delete", self._link), ("netns", "delete", self._namespace)):
            subprocess.run(["ip", *words], check=False, capture_output=True)  # noqa: S603, S607  a list of our own words
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        done = subprocess.run(  # noqa: S603  a list of our own words
            ["nfs-ls", f"nfs://{self.address}{EXPORT}?version=3"],  # noqa: S607  of the package that the tests install
            check=False,
            capture_output=True,
            timeout=20,
        )
        return done.returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)  # noqa: S603  a list of our own words


@contextlib.contextmanager
def private_nfs() -> Iterator[PrivateNfs]:
    """Have a server for a while."""
    server = PrivateNfs(Path(tempfile.mkdtemp(prefix="nfs-")), os.getpid() % 256)
    try:
        server.start()
        yield server
    finally:
        server.remove()
