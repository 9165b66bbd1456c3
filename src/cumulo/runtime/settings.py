"""The runtime's own settings, and the file that the first start writes for people to edit."""

import socket
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from cumulo.core.config import Section, load
from cumulo.runtime.state import StateFolder, write_private

_PORTS = range(8700, 8800, 10)


class HttpSettings(Section, frozen=True, kw_only=True):
    """Where clients reach the cloud. public_url: how they call it when a proxy stands before it."""

    section: ClassVar[str] = "http"

    listen: str = "127.0.0.1"
    port: int = 8700
    classic_ports: bool = False  # also 5000, 8774, 9292, 9696 and the like
    public_url: str = ""

    @property
    def url(self) -> str:
        """The URL that clients are told."""
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  compared, not bound
        return self.public_url or f"http://{anywhere.get(self.listen, self.listen)}:{self.port}"


class EngineSettings(Section, frozen=True, kw_only=True):
    """The private engines. external_cidr: empty chooses the next free 172.24.x.0/24 once.

    What may be promised to guests of each host's card to the external network, in kbit/s outward and inward,
    and of each host's switch, in thousand packets/s: nothing while it is 0.

    Of a cloud without engines: fake_hosts, on how many hosts its guests are; keep_fakes, whether what is
    remembered instead of run outlives the server; fake_delay, seconds that such a change takes at the most.
    """

    section: ClassVar[str] = "engines"

    start: bool = True  # false: none at all, for the fake hypervisor
    external_cidr: str = ""
    bandwidth_egress: Annotated[int, msgspec.Meta(ge=0)] = 0
    bandwidth_ingress: Annotated[int, msgspec.Meta(ge=0)] = 0
    packet_rate: Annotated[int, msgspec.Meta(ge=0)] = 0
    fake_hosts: Annotated[int, msgspec.Meta(ge=1, le=99)] = 1
    keep_fakes: bool = False
    fake_delay: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class DatabaseSettings(Section, frozen=True, kw_only=True):
    """The database: empty is SQLite in the state folder; else `postgresql://user@/name?host=...`.

    Of PostgreSQL: connections, the most at a time; statement_seconds, what a statement may take.
    """

    section: ClassVar[str] = "database"

    url: str = ""
    connections: Annotated[int, msgspec.Meta(ge=1)] = 16
    statement_seconds: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class LogSettings(Section, frozen=True, kw_only=True):
    """The server's log."""

    section: ClassVar[str] = "log"

    style: Literal["human", "json"] = "human"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(msgspec.Struct, frozen=True):
    """The runtime's sections."""

    http: HttpSettings
    engines: EngineSettings
    database: DatabaseSettings
    log: LogSettings


SECTIONS: tuple[type[Section], ...] = (HttpSettings, EngineSettings, DatabaseSettings, LogSettings)
_FIRST_FILE = """\
# Cumulo's settings; docs/operating.md lists them all. What is not here has its default.
[http]
port = {port}
"""


def runtime_settings(state: StateFolder) -> Settings:
    """Read the runtime's sections of the cloud's file. Raises BadSetting."""
    found = load(state.config, SECTIONS, whole=False)
    return msgspec.convert({kind.section: found[kind] for kind in SECTIONS}, Settings)


def first_file(state: StateFolder) -> None:
    """Write the file at the very first start, with the first of our ports that is free."""
    if not state.config.exists():
        port = next((port for port in _PORTS if port_is_free(port)), _PORTS[0])
        write_private(state.config, _FIRST_FILE.format(port=port))


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Say whether a TCP port can be bound."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError:
            return False
    return True


def config_of(path: Path) -> StateFolder:
    """Return the state folder at a path, prepared, with its settings file."""
    state = StateFolder(path)
    state.prepare()
    first_file(state)
    return state
