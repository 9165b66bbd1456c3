"""The state folder: the one place that holds a cloud, and the names on the machine derived from it."""

import contextlib
import hashlib
import os
import shutil
import socket
from pathlib import Path

DEFAULT = Path("/var/lib/cumulo")
_EMPTY = frozenset({"config.toml", "lost+found"})  # what a folder may have that is still nobody's
RUN = Path("/run")  # where the short links to state folders' sockets are
DEVICES = Path("/sys/class/net")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ForeignFolder(Exception):
    """The folder named for a cloud's state is somebody else's."""


class StateFolder:
    """One cloud's folder.

    Two clouds on a machine share nothing because everything they name there carries `instance`, 4
    hexadecimal digits made from the folder's path and kept in its file `instance`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def instance(self) -> str:
        """The cloud's 4 hexadecimal digits on this machine."""
        file = self.path / "instance"
        if file.exists():
            return file.read_text(encoding="ascii").strip()
        return self._free_instance()

    @property
    def host(self) -> str:
        """This machine's name in the cloud, kept so that a renamed machine stays the same host."""
        file = self.path / "host"
        return file.read_text(encoding="utf-8").strip() if file.exists() else socket.gethostname()

    @property
    def run(self) -> Path:
        """The folder of sockets and process records; emptied when the machine has been booted anew."""
        return self.path / "run"

    @property
    def short_run(self) -> Path:
        """A link to `run` that is short enough for the path of a Unix socket (108 bytes)."""
        return RUN / f"cumulo-{self.instance}"

    @property
    def logs(self) -> Path:
        """The folder of the logs of Cumulo and of its engines."""
        return self.path / "log"

    @property
    def config(self) -> Path:
        """The TOML file with the settings; it need not exist."""
        return self.path / "config.toml"

    @property
    def status(self) -> Path:
        """The file in which the supervisor says how each part is."""
        return self.run / "supervisor.json"

    @property
    def unfinished(self) -> Path:
        """The mark of a restore that has begun and not ended: the folder is no cloud meanwhile."""
        return self.path / "restore-unfinished"

    @property
    def admin_password(self) -> Path:
        """The file with the administrator's password."""
        return self.path / "admin-password"

    @property
    def fakes(self) -> Path:
        """The file in which remembering drivers keep what they hold, where settings have them keep it."""
        return self.path / "fakes"

    @property
    def integration_bridge(self) -> str:
        """The OVS bridge that guests are on."""
        return f"cu{self.instance}-int"

    @property
    def external_bridge(self) -> str:
        """The OVS bridge of the external network, on which the machine itself has an address."""
        return f"cu{self.instance}-ex"

    @property
    def datapath_device(self) -> str:
        """What the userspace datapath's own device is renamed to."""
        return f"cu{self.instance}-dp"

    def socket(self, name: str) -> Path:
        """Return the path of a Unix socket, short whatever the state folder's depth."""
        return self.short_run / f"{name}.sock"

    @property
    def exists(self) -> bool:
        """Whether a cloud has been here."""
        return (self.path / "instance").exists()

    def prepare(self) -> None:
        """Make the folders, fix the instance and point the short link here. Needs root.

        Raises ForeignFolder for a folder with other things in it: `reset` removes the whole folder.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ForeignFolder(f"{self.path} is a file: name a folder with --state")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)  # one that was there may be open to all
        file = self.path / "instance"
        if not file.exists():
            if any(not _is_nobodys(entry.name) for entry in self.path.iterdir()):
                raise ForeignFolder(f"{self.path} holds other things: name an empty or new folder")
            write_private(file, self._free_instance() + "\n")
        file = self.path / "host"
        if not file.exists():
            write_private(file, self.host + "\n")
        self._prepare_run()
        self.logs.mkdir(mode=0o700, exist_ok=True)
        for link in RUN.glob("cumulo-????"):
            if link.is_symlink() and not link.exists():
                link.unlink(missing_ok=True)  # a cloud that is gone
        link = self.short_run
        if link.is_symlink() and link.readlink() != self.run:
            link.unlink(missing_ok=True)
        elif link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)  # made by what ran on while the link was gone
        with contextlib.suppress(FileExistsError):  # it is there, or another command has just made it
            link.symlink_to(self.run)

    def _prepare_run(self) -> None:
        """Have the folder of what runs, without what ran before a boot.

        The mark of this boot is written once: if it got lost on a full disk, so would the sockets of engines.
        """
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
        mark = self.run / "boot"
        if mark.exists() and mark.read_text(encoding="ascii") == boot:
            return
        if self.run.exists():
            shutil.rmtree(self.run)
        self.run.mkdir(mode=0o700, exist_ok=True)
        write_private(mark, boot)

    def _free_instance(self) -> str:
        """Return digits made from the path that no other cloud of this machine uses now.

        Not by its link, and not by devices either: a cloud in another root (a container, say) may share this
        machine's network, and have the same path there.
        """
        taken = {file.name[2:6] for file in DEVICES.glob("cu????-*")}
        for attempt in range(100):
            text = f"{self.path}\0{attempt}" if attempt else str(self.path)
            digits = hashlib.sha256(text.encode()).hexdigest()[:4]
            link = RUN / f"cumulo-{digits}"
            free = not link.is_symlink() or link.readlink() == self.run or not link.exists()
            if free and digits not in taken:
                return digits
        raise RuntimeError(f"no free name for {self.path}")


def _is_nobodys(name: str) -> bool:
    """Say whether a folder with such an entry may become a cloud's; a killed first try leaves one, too."""
    return name in _EMPTY or name.startswith(".instance.")


def others(state: StateFolder) -> list[StateFolder]:
    """Return the other clouds that this machine has run since it was booted."""
    return [
        StateFolder(link.readlink().parent)
        for link in RUN.glob("cumulo-????")
        if link.is_symlink() and link.exists() and link.readlink() != state.run
    ]


def write_private(path: Path, text: str) -> None:
    """Replace a file's content at once, readable by the caller only."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:  # a full disk
        beside.unlink(missing_ok=True)
        raise
