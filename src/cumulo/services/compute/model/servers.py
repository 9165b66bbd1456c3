"""Servers, what was done to them, and the tokens of their consoles.

A list of a thousand servers must be cheap, so what a document shows of other rows lies on the server's own
row as JSON that is written out as it was stored: `addresses`, `flavor`, `metadata`, `security_groups`,
`tags`, `volumes`. A deleted server's row stays, for `changes-since` and for usage; `deleted_at` tells.
"""

from datetime import datetime
from typing import ClassVar

import msgspec

from cumulo.contracts.network import NetworkRequest
from cumulo.core import clock, ids
from cumulo.core.db import (
    Boolean,
    Index,
    Integer,
    Json,
    Model,
    RawJson,
    String,
    Text,
    When,
    column,
)
from cumulo.services.compute.model.states import Power, Status, TaskState, VmState, status_of


class AskedDisk(msgspec.Struct, frozen=True):
    """A local disk that a request asked for: GiB, or MiB of swap. format, bus: "" as the image has it."""

    size: int
    format: str = ""
    bus: str = ""


class AskedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a request puts into the server; contents in base 64."""

    path: str
    contents: str


class Asked(msgspec.Struct, kw_only=True):
    """What a request for a server said that its document does not show."""

    networks: list[NetworkRequest] = []
    security_group_ids: list[str] = []
    host: str | None = None
    public_key: str | None = None
    files: list[AskedFile] = []
    local_disks: list[AskedDisk] = []
    sealed_password: str = ""  # in base 64, until the guest has it (`passwords`)


class EmbeddedFlavor(msgspec.Struct, kw_only=True):
    """The flavor as it was when the server was made, the way a server's document embeds it."""

    vcpus: int
    ram: int
    disk: int
    ephemeral: int
    swap: int
    original_name: str
    extra_specs: dict[str, str] = {}


class Aside(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What must come back once something else that a server does is over.

    was: its state before; host, flavor_id, flavor: where and what it was before its resize, which
    `migration_id` names. rescue_image: what it is rescued by. shelved_image: what its disk was kept as.
    """

    was: VmState | None = None
    host: str | None = None
    flavor_id: str | None = None
    flavor: EmbeddedFlavor | None = None
    migration_id: str | None = None
    rescue_image: str | None = None
    shelved_image: str | None = None


NOTHING = msgspec.Raw(b"{}")
NONE_OF_THEM = msgspec.Raw(b"[]")


class Server(Model, table="compute_servers"):
    """A virtual machine. `operation`: the saga that works on it now, None when none does.

    `deletion`: the action that asks for its end, while another operation must first let go of it.
    """

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    project_id: str = column(String(64))
    user_id: str = column(String(64))
    name: str = column(String(255))
    hostname: str = column(String(255), default="")
    description: str | None = column(Text, default=None)
    vm_state: VmState = column(String(20), default=VmState.BUILDING)
    task_state: TaskState | None = column(String(32), default=TaskState.SCHEDULING)
    power_state: int = column(Integer, default=int(Power.NOSTATE))
    operation: str | None = column(String(36), default=None)
    deletion: str | None = column(String(36), default=None)
    image_id: str | None = column(String(36), default=None)
    image_properties: msgspec.Raw = column(RawJson, default=NOTHING)
    flavor_id: str = column(String(255))
    flavor: msgspec.Raw = column(RawJson)  # as the document embeds it
    vcpus: int = column(Integer)
    memory_mib: int = column(Integer)
    disk_gib: int = column(Integer, default=0)  # of its host: root, ephemeral and swap
    key_name: str | None = column(String(255), default=None)
    zone: str | None = column(String(255), default=None)
    requested_zone: str | None = column(String(255), default=None)
    host: str | None = column(String(255), default=None)
    host_id: str = column(String(56), default="")  # what a project sees instead of the host's name
    asked: msgspec.Raw = column(RawJson, default=NOTHING)  # an `Asked`: what its creation still needs
    addresses: msgspec.Raw = column(RawJson, default=NOTHING)
    security_groups: msgspec.Raw = column(RawJson, default=NONE_OF_THEM)
    volumes: msgspec.Raw = column(RawJson, default=NONE_OF_THEM)
    metadata: msgspec.Raw = column(RawJson, default=NOTHING)
    tags: msgspec.Raw = column(RawJson, default=NONE_OF_THEM)
    scheduler_hints: msgspec.Raw = column(RawJson, default=NOTHING)
    fault: msgspec.Raw | None = column(RawJson, default=None)
    aside: msgspec.Raw = column(RawJson, default=NOTHING)  # an `Aside`
    group_id: str | None = column(String(36), default=None, index=True)  # the server group it is in
    password: str | None = column(Text, default=None)  # as the guest encrypted it to the server's key
    user_data: str | None = column(Text, default=None)  # base64, as it came
    config_drive: bool = column(Boolean, default=False)
    disk_config: str = column(String(8), default="MANUAL")
    access_ipv4: str = column(String(64), default="")
    access_ipv6: str = column(String(64), default="")
    reservation_id: str = column(String(16), default="")
    launch_index: int = column(Integer, default=0)
    locked: bool = column(Boolean, default=False)
    locked_by: str | None = column(String(8), default=None)  # owner, admin
    locked_reason: str | None = column(String(255), default=None)
    created_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime = column(When, default_factory=clock.now)
    launched_at: datetime | None = column(When, default=None)
    deleted_at: datetime | None = column(When, default=None)
    __extra__ = (
        Index("project_id", "deleted_at", "created_at", "id"),
        Index("host", "deleted_at"),
        Index("updated_at"),
    )
    TRANSITIONS: ClassVar[dict[VmState, frozenset[VmState]]] = {
        VmState.BUILDING: frozenset({VmState.ACTIVE, VmState.ERROR, VmState.DELETED}),
        VmState.DELETED: frozenset(),
        **{
            state: frozenset(VmState) - {VmState.BUILDING}
            for state in VmState
            if state not in (VmState.BUILDING, VmState.DELETED)
        },
    }

    @property
    def status(self) -> Status:
        """What a client sees of its states."""
        return status_of(self.vm_state, self.task_state)


class Event(msgspec.Struct, kw_only=True):
    """One part of an action: a step of the saga that did it."""

    event: str
    started_at: datetime
    finished_at: datetime | None = None
    result: str | None = None  # Success, Error
    host: str | None = None
    details: str | None = None


class ServerAction(Model, table="compute_server_actions"):
    """What a request did to a server, and how that went. `message`: `Error` when it went wrong."""

    id: str = column(String(36), key=True, default_factory=ids.dashed)
    server_id: str = column(String(36))
    action: str = column(String(64))
    request_id: str = column(String(64))
    user_id: str = column(String(64))
    project_id: str = column(String(64))
    started_at: datetime = column(When, default_factory=clock.now)
    updated_at: datetime | None = column(When, default=None)
    finished_at: datetime | None = column(When, default=None)
    message: str | None = column(Text, default=None)
    events: list[Event] = column(Json, default_factory=list)
    __extra__ = (Index("server_id", "started_at"),)


class ConsoleToken(Model, table="compute_console_tokens"):
    """The right to open a server's console once. `id` is the token's SHA-256: the token is not kept."""

    id: str = column(String(64), key=True)
    server_id: str = column(String(36), index=True)
    host: str = column(String(255))
    kind: str = column(String(16))
    expires_at: datetime = column(When)
