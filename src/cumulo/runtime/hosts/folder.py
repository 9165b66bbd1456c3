"""The hosts' folders, and the network that joins them: which host is whose, and by which address."""

import ipaddress
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from cumulo.runtime.calling import Hindrance
from cumulo.runtime.engines.external import networks_in_use, recorded
from cumulo.runtime.state import StateFolder, write_private

FOLDER = "hosts"
UNDERLAY = "underlay"  # in a state folder: the host's address towards the others, with the prefix length
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")  # what a backup takes, and a certificate shows
_FIRST_FILE = "# A further host of a cloud takes its settings from the cloud's own file.\n"
_CANDIDATES = ipaddress.IPv4Network("100.64.0.0/10")  # RFC 6598: no one's address on the internet


class BadHost(Hindrance):
    """A host cannot be made, or is not there; the text says why."""


class Membership(NamedTuple):
    """Whose host a folder is, and which: the machine itself is number 1."""

    cloud: StateFolder
    number: int


def membership(state: StateFolder) -> Membership | None:
    """Return whose host a folder is; None for a cloud's own."""
    file = state.path / "number"
    if state.path.parent.name != FOLDER or not file.exists():
        return None
    return Membership(StateFolder(state.path.parent.parent), int(file.read_text(encoding="ascii")))


def hosts_of(cloud: StateFolder) -> list[StateFolder]:
    """Return the further hosts of a cloud, in the order in which they came."""
    found = [StateFolder(file.parent) for file in (cloud.path / FOLDER).glob("*/number")]
    return sorted(found, key=lambda state: int((state.path / "number").read_text(encoding="ascii")))


def host_named(cloud: StateFolder, name: str) -> StateFolder:
    """Return a further host of a cloud. BadHost when there is none of the name."""
    found = next((state for state in hosts_of(cloud) if state.path.name == name), None)
    if found is None:
        raise BadHost(f"{cloud.path} has no further host {name}")
    return found


def make(cloud: StateFolder, name: str) -> StateFolder:
    """Make the folder of one more host. BadHost for a name that cannot be, or is taken."""
    if not _NAME.fullmatch(name):
        raise BadHost(f"{name!r} is no name for a host: at most 60 letters, digits and dashes, no dash first")
    here = hosts_of(cloud)
    if name in {cloud.host, *(state.path.name for state in here)}:
        raise BadHost(f"the cloud has a host {name} already")
    taken = {member.number for member in map(membership, here) if member is not None}
    number = next((number for number in range(2, 255) if number not in taken), None)
    if number is None:
        raise BadHost("a cloud has 254 hosts on a machine at the most")
    state = StateFolder(cloud.path / FOLDER / name)
    if state.path.exists():  # with no number nothing runs: it was cut short when it was made or removed
        shutil.rmtree(state.path)
    state.path.mkdir(mode=0o700, parents=True)
    write_private(state.config, _FIRST_FILE)
    state.prepare()
    write_private(state.path / "host", name + "\n")
    network = ipaddress.ip_interface(address_of(cloud)).network
    own = f"{network[number]}/{network.prefixlen}"
    write_private(state.path / UNDERLAY, own + "\n")
    write_private(state.path / "number", f"{number}\n")  # last: now it is a host
    return state


def address_of(state: StateFolder) -> str:
    """Return a host's address towards the others, with the prefix length; empty while it has none."""
    file = state.path / UNDERLAY
    return file.read_text(encoding="ascii").strip() if file.exists() else ""


async def ensure_underlay(cloud: StateFolder) -> str:
    """Return the machine's own address towards further hosts, chosen once and kept."""
    if not address_of(cloud):
        used = await networks_in_use(cloud)
        external = recorded(cloud)
        third = int(external[0].packed[2]) if external is not None else 0
        wished = ipaddress.IPv4Network(f"100.64.{third}.0/24")
        candidates = (wished, *_CANDIDATES.subnets(new_prefix=24))
        network = next(one for one in candidates if not any(one.overlaps(other) for other in used))
        write_private(cloud.path / UNDERLAY, f"{network[1]}/{network.prefixlen}\n")
    return address_of(cloud)


def namespace(state: StateFolder) -> str:
    """Return the name of a host's network namespace."""
    return f"cu{state.instance}-host"


def cable(member: Membership) -> str:
    """Return the name of the device by which the cloud's external bridge leads to a host."""
    return f"cu{member.cloud.instance}-h{member.number}"


def socket_of(cloud: StateFolder) -> Path:
    """Return the Unix socket at which hosts dial in to a cloud."""
    return cloud.socket("bus")
