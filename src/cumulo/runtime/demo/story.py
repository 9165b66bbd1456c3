"""The demo's steps. Each looks first for what an earlier run made, so a second run is quick."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cumulo.runtime.client import Session
from cumulo.runtime.contents import EXTERNAL, IMAGE
from cumulo.runtime.demo import guest
from cumulo.runtime.state import StateFolder

NETWORK = "/network/v2.0"
COMPUTE = "/compute/v2.1"
NAME = "demo"
CIDR = "10.10.0.0/24"
FLAVOR = "mini"
COMMAND = "cut -d' ' -f1 /proc/uptime; hostname; uname -srm"
_IMAGE_PATIENCE = 300.0
_SERVER_PATIENCE = 120.0
_BOOT_PATIENCE = 300.0

Say = Callable[[str], None]


class DemoFailed(Exception):
    """A step of the demo did not come to its end."""


class Demo:
    """The story, told step by step to `say`."""

    def __init__(self, state: StateFolder, say: Say) -> None:
        self.state = state
        self.key = state.path / "demo" / "id_ed25519"
        self._api = Session.of(state, "cumulo")
        self._say = say
        self.times: dict[str, float] = {}

    def run(self) -> str:
        """Tell it all; return the guest's address. Raises DemoFailed and Refused."""
        with self._step("image", f"image `{IMAGE}`"):
            image = self._image()
        with self._step("network", f"network, subnet {CIDR}, router to `{EXTERNAL}`"):
            network = self._network()
        with self._step("door", "security group (SSH and ping from anywhere), key pair"):
            self._security_group()
            self._key_pair()
        with self._step("server", "server ACTIVE"):
            server = self._server(image["id"], network["id"])
        with self._step("address", "floating IP"):
            address = self._floating_ip(server["id"])
        with self._step("boot", f"guest answers SSH at {address}"):
            guest.wait_for_port(address, _BOOT_PATIENCE)
        with self._step("login", "logged in, ran a command"):
            said = guest.run(self.key, address, COMMAND, _SERVER_PATIENCE)
        uptime, *rest = said.splitlines()
        self._say(f"            the guest says: {' · '.join(rest)}; up for {uptime} s")
        return address

    @contextmanager
    def _step(self, name: str, text: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.times[name] = time.monotonic() - began
        self._say(f"{self.times[name]:8.2f} s  {text}")

    def _image(self) -> dict[str, Any]:
        """Wait for the built-in image, which a new cloud builds by itself."""
        give_up = time.monotonic() + _IMAGE_PATIENCE
        while time.monotonic() < give_up:
            found = self._api.get("/image/v2/images", name=IMAGE, status="active")["images"]
            if found:
                return dict(found[0])
            time.sleep(0.2)
        raise DemoFailed(f"there is no image {IMAGE}: see `cumulo logs`")

    def _network(self) -> dict[str, Any]:
        network = self._ensure("networks", {"name": NAME})
        subnet = self._ensure(
            "subnets", {"name": NAME, "network_id": network["id"], "ip_version": 4, "cidr": CIDR}
        )
        router = self._ensure("routers", {"name": NAME})
        router_path = f"{NETWORK}/routers/{router['id']}"
        if not router["external_gateway_info"]:
            gateway = {"external_gateway_info": {"network_id": self._external()["id"]}}
            self._api.put(router_path, {"router": gateway})
        ports = self._api.get(f"{NETWORK}/ports", device_id=router["id"], network_id=network["id"])
        if not ports["ports"]:
            self._api.put(f"{router_path}/add_router_interface", {"subnet_id": subnet["id"]})
        return network

    def _external(self) -> dict[str, Any]:
        found = self._api.get(f"{NETWORK}/networks", **{"router:external": "true"})["networks"]
        if not found:
            raise DemoFailed("there is no external network: see `cumulo logs`")
        return dict(found[0])

    def _security_group(self) -> None:
        group = self._ensure("security-groups", {"name": NAME})
        there = {(r["direction"], r["protocol"]) for r in group["security_group_rules"]}
        rule = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4"}
        ssh = {**rule, "protocol": "tcp", "port_range_min": 22, "port_range_max": 22}
        for wanted in (ssh, {**rule, "protocol": "icmp"}):
            if ("ingress", wanted["protocol"]) not in there:
                self._api.post(f"{NETWORK}/security-group-rules", {"security_group_rule": wanted})

    def _key_pair(self) -> None:
        public = guest.key_pair(self.key)
        listed = self._api.get(f"{COMPUTE}/os-keypairs")["keypairs"]
        known = {each["keypair"]["name"]: each["keypair"]["public_key"] for each in listed}
        if known.get(NAME, public) != public:
            self._api.delete(f"{COMPUTE}/os-keypairs/{NAME}")
            del known[NAME]
        if NAME not in known:
            body = {"keypair": {"name": NAME, "type": "ssh", "public_key": public}}
            self._api.post(f"{COMPUTE}/os-keypairs", body)

    def _server(self, image_id: str, network_id: str) -> dict[str, Any]:
        """Have the server ACTIVE; one that an earlier run left in ERROR is replaced."""
        server = self._find_server()
        if server is not None and server["status"] == "ERROR":
            self._api.delete(f"{COMPUTE}/servers/{server['id']}")
            self._until(lambda: self._find_server() is None, "the broken server is gone")
            server = None
        if server is None:
            flavors = self._api.get(f"{COMPUTE}/flavors")["flavors"]
            server = {
                "name": NAME,
                "imageRef": image_id,
                "flavorRef": next(flavor["id"] for flavor in flavors if flavor["name"] == FLAVOR),
                "networks": [{"uuid": network_id}],
                "security_groups": [{"name": NAME}],
                "key_name": NAME,
            }
            server = self._api.post(f"{COMPUTE}/servers", {"server": server})["server"]
        elif server["status"] == "SHUTOFF":
            self._api.post(f"{COMPUTE}/servers/{server['id']}/action", {"os-start": None})
        server_id = server["id"]
        self._until(lambda: self._is_active(server_id), "the server is ACTIVE")
        return dict(server)

    def _find_server(self) -> dict[str, Any] | None:
        found = self._api.get(f"{COMPUTE}/servers/detail", name=f"^{NAME}$")["servers"]
        return found[0] if found else None

    def _is_active(self, server_id: str) -> bool:
        server = self._api.get(f"{COMPUTE}/servers/{server_id}")["server"]
        if server["status"] == "ERROR":
            reason = server.get("fault", {}).get("message", "no reason given")
            raise DemoFailed(f"the server is in ERROR: {reason}")
        return bool(server["status"] == "ACTIVE")

    def _floating_ip(self, server_id: str) -> str:
        ports = self._api.get(f"{NETWORK}/ports", device_id=server_id)["ports"]
        port_id = ports[0]["id"]
        there = self._api.get(f"{NETWORK}/floatingips", port_id=port_id)["floatingips"]
        if not there:
            wanted = {"floating_network_id": self._external()["id"], "port_id": port_id}
            there = [self._api.post(f"{NETWORK}/floatingips", {"floatingip": wanted})["floatingip"]]
        return str(there[0]["floating_ip_address"])

    def _ensure(self, collection: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """Return the project's resource of this name, made as wanted when there is none."""
        key = collection.removesuffix("s").replace("-", "_")
        found = self._api.get(f"{NETWORK}/{collection}", name=wanted["name"])
        rows = found[collection.replace("-", "_")]
        return dict(rows[0] if rows else self._api.post(f"{NETWORK}/{collection}", {key: wanted})[key])

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + _SERVER_PATIENCE
        while not condition():
            if time.monotonic() > give_up:
                raise DemoFailed(f"waited {_SERVER_PATIENCE:g} s in vain: {what}")
            time.sleep(0.1)
