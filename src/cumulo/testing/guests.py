"""Reaching a booted guest as its user does: by the system's `ssh`, with a key that metadata gave it."""

import subprocess
from pathlib import Path

from cumulo.testing.launched import CommandRefused, said_by, until

OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=5",
    "LogLevel=ERROR",
    "ServerAliveCountMax=2",
    "ServerAliveInterval=5",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
)


def make_key(path: Path) -> Path:
    """Make an SSH key pair; return the public key's path, that of the private one plus `.pub`."""
    said_by(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "e2e", "-f", str(path)])
    return path.with_name(path.name + ".pub")


class Guest:
    """A guest at an address, with the private key that opens it."""

    def __init__(self, address: str, key: Path, user: str = "root") -> None:
        self.address = address
        self.key = key
        self.user = user

    def run(self, command: str) -> str:
        """Run a shell command in the guest; return what it printed, stripped. Raises CommandRefused."""
        return said_by(self._line(command)).strip()

    def swallow(self, data: bytes) -> None:
        """Send it bytes that it throws away; return when it has them all."""
        subprocess.run(self._line("cat > /dev/null"), input=data, check=True)  # noqa: S603  a list of arguments, no shell

    def answers(self) -> bool:
        """Say whether it lets us in."""
        try:
            return self.run("true") == ""
        except CommandRefused:
            return False

    def wait(self, seconds: float = 180) -> None:
        """Wait until it lets us in."""
        until(self.answers, seconds=seconds, what=f"ssh to {self.address}")

    def _line(self, command: str) -> list[str]:
        options = [text for option in OPTIONS for text in ("-o", option)]
        return ["ssh", "-i", str(self.key), *options, f"{self.user}@{self.address}", command]

    @property
    def boot_id(self) -> str:
        """What its kernel made up when it booted: another after each boot."""
        return self.run("cat /proc/sys/kernel/random/boot_id")

    def reaches(self, address: str) -> bool:
        """Say whether a ping from inside the guest is answered."""
        try:
            self.run(f"ping -c 1 -W 3 {address} > /dev/null")
        except CommandRefused:
            return False
        return True


def pings(address: str) -> bool:
    """Say whether the machine itself gets an answer to a ping."""
    try:
        said_by(["ping", "-c", "1", "-W", "2", address])
    except CommandRefused:
        return False
    return True
