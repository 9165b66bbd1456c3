"""What clients do: each act is one request about a thing that the dice choose, and what its answer promised.

A verb of `plan.ACTS` is a method of the same name. One for which there is nothing to do it to does nothing.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from cumulo.runtime.chaos.caller import Answer, Unanswered
from cumulo.runtime.chaos.home import COMPUTE, FLAVORS, IMAGE, NETWORK, VOLUME, Home
from cumulo.runtime.chaos.plan import Act
from cumulo.runtime.chaos.promises import Fate, Promises, Thing

MOST: Mapping[str, Mapping[str, int]] = {
    "fake": {"server": 5, "volume": 6, "snapshot": 5, "backup": 3, "port": 6, "floating IP": 4, "image": 3},
    "libvirt": {
        "server": 1,
        "volume": 3,
        "snapshot": 2,
        "backup": 1,
        "port": 3,
        "floating IP": 2,
        "image": 1,
    },
}
"""How many things of a kind a client has at the most."""

_LARGEST = 3  # GiB of a volume
_HALF = 0.5


class Verbs(dict[str, Callable[["Acts"], Answer | None]]):
    """The verbs by their names in a plan."""

    def register(self, verb: Callable[["Acts"], Answer | None]) -> Callable[["Acts"], Answer | None]:
        """Have a method of `Acts` as the verb of its name."""
        self[verb.__name__] = verb
        return verb


VERBS = Verbs()


class Acts:
    """One client's acts in its home; what is promised goes into `promises`."""

    def __init__(self, home: Home, promises: Promises, most: Mapping[str, int]) -> None:
        self._home = home
        self._promises = promises
        self._most = most
        self._dice = (0.0, 0.0)

    def do(self, act: Act) -> None:
        """Do what the plan says, and count how it ended."""
        self._dice = act.dice
        try:
            answer = VERBS[act.verb](self)
        except Unanswered:
            self._promises.count(act.verb, "unanswered")
            return
        self._promises.count(act.verb, answer.status if answer else "idle")
        if answer and answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self._promises.violated(answer.request_id, f"{act.verb} was answered 500: {answer.reason}")

    @VERBS.register
    def create_server(self) -> Answer | None:
        """Create a server with a card on the home's network."""
        return self._create_server()

    @VERBS.register
    def create_server_with_volume(self) -> Answer | None:
        """Create one with a new volume that goes with it."""
        blank = {"source_type": "blank", "destination_type": "volume", "volume_size": 1}
        root = {
            "source_type": "image",
            "uuid": self._home.image,
            "destination_type": "local",
            "boot_index": 0,
        }
        extra = {**blank, "boot_index": -1, "delete_on_termination": True}
        return self._create_server(block_device_mapping_v2=[root, extra])

    def _create_server(self, **more: Any) -> Answer | None:
        flavor = FLAVORS[self._dice[1] > _HALF]
        networks = [{"uuid": self._home.network}]
        facts = {"name": "s", "imageRef": self._home.image, "flavorRef": flavor, "networks": networks}
        return self._create("server", f"{COMPUTE}/servers", {"server": {**facts, **more}})

    @VERBS.register
    def delete_server(self) -> Answer | None:
        """Delete a server."""
        return self._delete("server")

    @VERBS.register
    def resize(self) -> Answer | None:
        """Give a server the one or the other flavor."""
        return self._action({"resize": {"flavorRef": FLAVORS[self._dice[1] > _HALF]}})

    @VERBS.register
    def confirm(self) -> Answer | None:
        """Keep a server's new flavor or host."""
        return self._action({"confirmResize": None})

    @VERBS.register
    def revert(self) -> Answer | None:
        """Bring a server back to the old one."""
        return self._action({"revertResize": None})

    @VERBS.register
    def migrate(self) -> Answer | None:
        """Have a server on another host."""
        return self._action({"migrate": None}, admin=True) if self._home.hosts > 1 else None

    @VERBS.register
    def live_migrate(self) -> Answer | None:
        """Have a running server on another host."""
        body = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
        return self._action(body, admin=True) if self._home.hosts > 1 else None

    @VERBS.register
    def reboot(self) -> Answer | None:
        """Start a server anew, hard or not."""
        return self._action({"reboot": {"type": "HARD" if self._dice[1] > _HALF else "SOFT"}})

    @VERBS.register
    def stop(self) -> Answer | None:
        """Stop a server."""
        return self._action({"os-stop": None})

    @VERBS.register
    def start(self) -> Answer | None:
        """Start a server."""
        return self._action({"os-start": None})

    @VERBS.register
    def shelve(self) -> Answer | None:
        """Put a server on the shelf."""
        return self._action({"shelve": None})

    @VERBS.register
    def unshelve(self) -> Answer | None:
        """Take one from there."""
        return self._action({"unshelve": None})

    @VERBS.register
    def rebuild(self) -> Answer | None:
        """Make a server's disk anew."""
        return self._action({"rebuild": {"imageRef": self._home.image}})

    @VERBS.register
    def snapshot_server(self) -> Answer | None:
        """Make an image of a server."""
        if self._is_full("image"):
            return None
        answer = self._action({"createImage": {"name": "i"}})
        if answer and answer.well:
            id_ = answer.document["image_id"]
            path = f"{IMAGE}/images/{id_}"
            self._promises.made(Thing("image", id_, path, self._home.number, Fate.MAY_GO))
        return answer

    @VERBS.register
    def delete_image(self) -> Answer | None:
        """Delete one."""
        return self._delete("image")

    @VERBS.register
    def create_volume(self) -> Answer | None:
        """Create an empty volume."""
        return self._create("volume", f"{VOLUME}/volumes", {"volume": {"size": 1}})

    @VERBS.register
    def create_volume_of_snapshot(self) -> Answer | None:
        """Create one with a snapshot's content."""
        snapshot = self._pick("snapshot")
        if snapshot is None:
            return None
        body = {"volume": {"snapshot_id": snapshot.id}}
        return self._create("volume", f"{VOLUME}/volumes", body, size=snapshot.size)

    @VERBS.register
    def delete_volume(self) -> Answer | None:
        """Delete a volume, with its snapshots or not."""
        return self._delete("volume", lambda thing: not thing.precious)

    @VERBS.register
    def extend_volume(self) -> Answer | None:
        """Grow a volume."""
        volume = self._pick("volume", lambda thing: thing.size < _LARGEST and not thing.precious)
        if volume is None:
            return None
        body = {"os-extend": {"new_size": volume.size + 1}}
        answer = self._home.caller("POST", f"{volume.path}/action", body)
        volume.size += answer.well
        return answer

    @VERBS.register
    def attach_volume(self) -> Answer | None:
        """Give a server a volume."""
        server, volume = (
            self._pick("server"),
            self._pick("volume", lambda thing: not thing.server, second=True),
        )
        if server is None or volume is None:
            return None
        body = {"volumeAttachment": {"volumeId": volume.id}}
        return self._joined(volume, server, f"{server.path}/os-volume_attachments", body)

    @VERBS.register
    def detach_volume(self) -> Answer | None:
        """Take it away."""
        volume = self._pick("volume", lambda thing: bool(thing.server))
        return self._parted(volume, "os-volume_attachments") if volume else None

    @VERBS.register
    def create_snapshot(self) -> Answer | None:
        """Take a snapshot of a volume, attached or not."""
        volume = self._pick("volume")
        if volume is None:
            return None
        body = {"snapshot": {"volume_id": volume.id, "force": True}}
        return self._create("snapshot", f"{VOLUME}/snapshots", body, size=volume.size)

    @VERBS.register
    def delete_snapshot(self) -> Answer | None:
        """Delete one."""
        return self._delete("snapshot")

    @VERBS.register
    def create_backup(self) -> Answer | None:
        """Back a volume up."""
        volume = self._pick("volume")
        body = {"backup": {"volume_id": volume.id if volume else "", "force": True}}
        return self._create("backup", f"{VOLUME}/backups", body) if volume else None

    @VERBS.register
    def delete_backup(self) -> Answer | None:
        """Delete a backup."""
        return self._delete("backup")

    @VERBS.register
    def create_port(self) -> Answer | None:
        """Create a port on the home's network."""
        return self._create("port", f"{NETWORK}/ports", {"port": {"network_id": self._home.network}})

    @VERBS.register
    def delete_port(self) -> Answer | None:
        """Delete one that no server has."""
        return self._delete("port", lambda thing: not thing.server)

    @VERBS.register
    def attach_port(self) -> Answer | None:
        """Give a server a port."""
        server, port = self._pick("server"), self._pick("port", lambda thing: not thing.server, second=True)
        if server is None or port is None:
            return None
        body = {"interfaceAttachment": {"port_id": port.id}}
        return self._joined(port, server, f"{server.path}/os-interface", body)

    @VERBS.register
    def detach_port(self) -> Answer | None:
        """Take it away."""
        port = self._pick("port", lambda thing: bool(thing.server))
        return self._parted(port, "os-interface") if port else None

    @VERBS.register
    def create_floating_ip(self) -> Answer | None:
        """Take an address outside."""
        body = {"floatingip": {"floating_network_id": self._home.outside}}
        return self._create("floating IP", f"{NETWORK}/floatingips", body)

    @VERBS.register
    def associate(self) -> Answer | None:
        """Have it lead to a port."""
        return self._lead_to(self._pick("port", second=True))

    @VERBS.register
    def disassociate(self) -> Answer | None:
        """Have it lead nowhere."""
        return self._lead_to(None)

    def _lead_to(self, port: Thing | None) -> Answer | None:
        address = self._pick("floating IP")
        if address is None:
            return None
        body = {"floatingip": {"port_id": port.id if port else None}}
        return self._home.caller("PUT", address.path, body)

    @VERBS.register
    def delete_floating_ip(self) -> Answer | None:
        """Give an address back."""
        return self._delete("floating IP")

    def _pick(
        self, kind: str, fits: Callable[[Thing], bool] = lambda _: True, *, second: bool = False
    ) -> Thing | None:
        things = self._promises.of(self._home.number, kind, fits)
        return things[int(self._dice[second] * len(things))] if things else None

    def _is_full(self, kind: str) -> bool:
        return len(self._promises.of(self._home.number, kind)) >= self._most[kind]

    def _create(self, kind: str, path: str, body: Any, size: int = 1) -> Answer | None:
        if self._is_full(kind):
            return None
        answer = self._home.caller("POST", path, body)
        if answer.well:
            id_ = next(iter(answer.document.values()))["id"]
            self._promises.made(Thing(kind, id_, f"{path}/{id_}", self._home.number, size=size))
        return answer

    def _delete(self, kind: str, fits: Callable[[Thing], bool] = lambda _: True) -> Answer | None:
        thing = self._pick(kind, fits)
        if thing is None:
            return None
        before, thing.fate = thing.fate, Fate.UNSURE
        answer = self._home.caller("DELETE", thing.path)
        thing.fate = Fate.LEAVING if answer.well else before
        if answer.status == HTTPStatus.NOT_FOUND and before is Fate.THERE:
            self._promises.violated(thing.id, f"this {kind} was made and never deleted, and is not found")
        if answer.well and kind == "server":
            for other in ("volume", "port"):  # they stay, and are free again
                for held in self._promises.of(self._home.number, other, lambda one: one.server == thing.id):
                    held.server = ""
        return answer

    def _action(self, body: Any, *, admin: bool = False) -> Answer | None:
        server = self._pick("server")
        if server is None:
            return None
        caller = self._home.admin if admin else self._home.caller
        return caller("POST", f"{server.path}/action", body)

    def _joined(self, thing: Thing, server: Thing, path: str, body: Any) -> Answer:
        thing.server = server.id  # also when no answer comes: it may be
        answer = self._home.caller("POST", path, body)
        if not answer.well:
            thing.server = ""
        return answer

    def _parted(self, thing: Thing, kind: str) -> Answer:
        answer = self._home.caller("DELETE", f"{COMPUTE}/servers/{thing.server}/{kind}/{thing.id}")
        if answer.well or answer.status == HTTPStatus.NOT_FOUND:
            thing.server = ""
        return answer
