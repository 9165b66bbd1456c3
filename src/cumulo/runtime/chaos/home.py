"""What the clients of a run need before it begins: projects and users, networks, flavors, an image."""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import msgspec

from cumulo.runtime.chaos.caller import Caller
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

COMPUTE, NETWORK, IMAGE, VOLUME = "/compute/v2.1", "/network/v2.0", "/image/v2", "/volume/v3"
IDENTITY = "/identity/v3"
FLAVORS = ("chaos.small", "chaos.large")
PRECIOUS = 3 << 20  # bytes of the image whose content volumes must keep
_MEMORY, _LARGER = 128, 160  # MiB


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """A client's place. Ids; `caller` and `admin` are its own connections."""

    number: int
    project: str
    caller: Caller
    admin: Caller
    network: str
    router: str
    outside: str
    image: str
    hosts: int


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What all clients share. content: the SHA-256 of the precious image's bytes."""

    admin: Caller
    homes: list[Home]
    precious: str
    content: str

    def hang_up(self) -> None:
        """Close all connections."""
        for caller in (self.admin, *(one for home in self.homes for one in (home.caller, home.admin))):
            caller.hang_up()


def prepare(state: StateFolder, clients: int, hosts: int, seed: int, patience: Callable[[], bool]) -> Stage:
    """Make it all, in a cloud that nobody disturbs yet."""
    secret = state.admin_password.read_text(encoding="utf-8").strip()
    port = runtime_settings(state).http.port

    def administrator() -> Caller:
        return Caller(port, {"user": "admin", "password": secret, "project": "admin"}, patience)

    admin = administrator()
    for name, memory in zip(FLAVORS, (_MEMORY, _LARGER), strict=True):
        flavor = {"id": name, "name": name, "ram": memory, "vcpus": 1, "disk": 1}
        admin.insist("POST", f"{COMPUTE}/flavors", {"flavor": flavor})
    bytes_ = random.Random(seed).randbytes(PRECIOUS)  # noqa: S311  content to be told apart, no secret
    precious = _image(admin, "precious", bytes_)
    booted = _first(admin, f"{IMAGE}/images?name=mini&status=active", "images") or precious
    outside = _outside(admin)
    homes = []
    for number in range(clients):
        project, login = _project(admin, number, secret)
        caller = Caller(port, login, patience)
        network, router = _network(caller, number, outside)
        homes.append(
            Home(
                number=number,
                project=project,
                caller=caller,
                admin=administrator(),
                network=network,
                router=router,
                outside=outside,
                image=booted,
                hosts=hosts,
            )
        )
    return Stage(admin=admin, homes=homes, precious=precious, content=hashlib.sha256(bytes_).hexdigest())


def _first(admin: Caller, path: str, kind: str) -> str:
    found = admin.insist("GET", path)[kind]
    return str(found[0]["id"]) if found else ""


def _image(admin: Caller, name: str, content: bytes) -> str:
    facts = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    image = str(admin.insist("POST", f"{IMAGE}/images", facts)["id"])
    admin.insist("PUT", f"{IMAGE}/images/{image}/file", content)
    return image


def _outside(admin: Caller) -> str:
    """Return the external network; a cloud without engines has none yet."""
    found = _first(admin, f"{NETWORK}/networks?router:external=true", "networks")
    if not found:
        network = {"name": "outside", "router:external": True}
        found = admin.insist("POST", f"{NETWORK}/networks", {"network": network})["network"]["id"]
        subnet = {"network_id": found, "ip_version": 4, "cidr": "192.0.2.0/24"}
        admin.insist("POST", f"{NETWORK}/subnets", {"subnet": subnet})
    return found


def _project(admin: Caller, number: int, secret: str) -> tuple[str, dict[str, str]]:
    name = f"chaos{number}"
    project = admin.insist("POST", f"{IDENTITY}/projects", {"project": {"name": name}})["project"]["id"]
    body = {"user": {"name": name, "password": secret, "default_project_id": project}}
    user = admin.insist("POST", f"{IDENTITY}/users", body)["user"]["id"]
    role = _first(admin, f"{IDENTITY}/roles?name=member", "roles")
    admin.insist("PUT", f"{IDENTITY}/projects/{project}/users/{user}/roles/{role}")
    return project, {"user": name, "password": secret, "project": name}


def _network(caller: Caller, number: int, outside: str) -> tuple[str, str]:
    """Return a network with a subnet and the router that leads out of it."""

    def made(kind: str, **facts: Any) -> str:
        return str(caller.insist("POST", f"{NETWORK}/{kind}s", {kind: facts})[kind]["id"])

    network = made("network", name="home")
    subnet = made("subnet", network_id=network, ip_version=4, cidr=f"10.{20 + number}.0.0/24")
    router = made("router", external_gateway_info={"network_id": outside})
    caller.insist("PUT", f"{NETWORK}/routers/{router}/add_router_interface", {"subnet_id": subnet})
    return network, router
