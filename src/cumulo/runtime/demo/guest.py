"""A guest seen from the machine: by SSH, with a key pair made for it."""

import socket
import subprocess
import time
from pathlib import Path

_SSH_PORT = 22
_OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=5",
    "LogLevel=ERROR",
    "StrictHostKeyChecking=no",  # floating IPs are used again by other guests
    "UserKnownHostsFile=/dev/null",
)


class NoAnswer(Exception):
    """The guest did not answer in time."""


def key_pair(file: Path) -> str:
    """Return the public half of the key pair in a file; make it at the first call."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(  # noqa: S603  a list of arguments
            ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cumulo", "-f", str(file)],
            check=True,
        )
    return file.with_suffix(".pub").read_text(encoding="utf-8").strip()


def login(key: Path, address: str) -> list[str]:
    """Return the command that logs in to the guest."""
    options = [word for option in _OPTIONS for word in ("-o", option)]
    return ["ssh", "-i", str(key), *options, f"root@{address}"]


def easy_login(key: Path, address: str, name: str) -> str:
    """Write an ssh_config beside the key; return a short command that logs in to the guest."""
    file = key.with_name("ssh_config")
    options = ("User root", f"HostName {address}", f"IdentityFile {key}", *_OPTIONS[1:])
    lines = [f"Host {name}", *(f"    {option.replace('=', ' ', 1)}" for option in options)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"ssh -F {file} {name}"


def wait_for_port(address: str, seconds: float) -> None:
    """Wait until the guest accepts connections for SSH. NoAnswer."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            with socket.create_connection((address, _SSH_PORT), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise NoAnswer(f"{address} accepts no SSH after {seconds:g} seconds")


def run(key: Path, address: str, command: str, seconds: float) -> str:
    """Run a command in the guest and return what it printed; tried again until `seconds` are over.

    The port opens before the key is there: it comes from the metadata service.
    """
    give_up = time.monotonic() + seconds
    while True:
        try:
            done = subprocess.run(  # noqa: S603  a list of arguments
                [*login(key, address), command], check=False, capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired as error:
            raise NoAnswer(f"{address}: no end of the command after {seconds:g} seconds") from error
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() > give_up:
            raise NoAnswer(f"{address}: {done.stderr.strip() or 'no login'}")
        time.sleep(0.2)
