"""What an ordinary project needs before its servers can be lived in: all made by the official client."""

from pathlib import Path

from cumulo.testing.guests import Guest, make_key
from cumulo.testing.launched import Client, LaunchedCloud, until
from cumulo.testing.official import OpenStack

FLAVOR = "mini"
IMAGE = "mini"


class Residence:
    """One project's key, security group (SSH and ping), networks behind a router, and servers.

    `folder` holds its key and its copy of the image. `name` is the first network's and the security group's.
    """

    def __init__(
        self, cloud: LaunchedCloud, user: Client | OpenStack, folder: Path, name: str = "home"
    ) -> None:
        self.cloud = cloud
        self.user = user
        self.name = name
        self.key = folder / "key"
        self.servers: dict[str, Guest] = {}
        public = make_key(self.key)
        until(self._has_image, seconds=300, what="the cloud's first image")
        self.external = str(user.json("network", "list", "--external")[0]["Name"])
        user("security", "group", "create", name)
        self.open_door()
        user("security", "group", "rule", "create", "--protocol", "icmp", name)
        user("keypair", "create", "--public-key", str(public), "key")

    def _has_image(self) -> bool:
        return any(image["Name"] == IMAGE for image in self.user.json("image", "list", "--status", "active"))

    @property
    def public_key(self) -> str:
        """The public key, as one line."""
        return self.key.with_name("key.pub").read_text().strip()

    def open_door(self) -> None:
        """Let SSH in."""
        self.user("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22", self.name)

    def close_door(self) -> None:
        """Let SSH in no longer."""
        rules = self.user.json("security", "group", "rule", "list", self.name)
        ssh = next(rule["ID"] for rule in rules if rule["Port Range"] == "22:22")
        self.user("security", "group", "rule", "delete", ssh)

    def network(self, name: str, cidr: str, router: str) -> None:
        """Make a network with a subnet behind a router of its own."""
        self.user("network", "create", name)
        self.user("subnet", "create", "--network", name, "--subnet-range", cidr, f"{name}-subnet")
        self.user("router", "create", "--external-gateway", self.external, router)
        self.user("router", "add", "subnet", router, f"{name}-subnet")

    def create(self, server: str, network: str, *options: str, image: str = IMAGE, wait: bool = True) -> None:
        """Create a server, of an image unless that is empty."""
        self.user(
            *("server", "create", "--flavor", FLAVOR, "--network", network),
            *(("--image", image) if image else ()),
            *("--key-name", "key", "--security-group", self.name, *options, *["--wait"] * wait, server),
        )

    def boot(self, server: str, network: str, *options: str, image: str = IMAGE) -> Guest:
        """Create a server, give it a floating IP, wait until it answers SSH."""
        self.create(server, network, *options, image=image)
        address = str(self.user.json("floating", "ip", "create", self.external)["floating_ip_address"])
        self.user("server", "add", "floating", "ip", server, address)
        guest = self.servers[server] = Guest(address, self.key)
        guest.wait()
        return guest

    def fixed_address(self, server: str, network: str) -> str:
        """Return a server's own address on a network."""
        return str(self.user.json("server", "show", server)["addresses"][network][0])

    def clear(self) -> None:
        """Delete all that the project has."""
        user = self.user
        servers = [server["ID"] for server in user.json("server", "list")]
        if servers:
            user("server", "delete", "--wait", *servers)
        for address in user.json("floating", "ip", "list"):
            user("floating", "ip", "delete", address["ID"])
        for router in user.json("router", "list"):
            for port in user.json("port", "list", "--router", router["ID"]):
                user("router", "remove", "port", router["ID"], port["ID"])
            user("router", "delete", router["ID"])
        networks = [network["ID"] for network in user.json("network", "list", "--internal")]
        if networks:
            user("network", "delete", *networks)
        user("security", "group", "delete", self.name)
        user("keypair", "delete", "key")
