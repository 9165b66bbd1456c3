"""A container as a server of a whole cloud, through the official `openstack` client: one story in order."""

import json
import re

import pytest

from cumulo.runtime.engines.libvirt import running_guests
from cumulo.testing import rootfs
from cumulo.testing.guests import pings
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.official import OpenStack
from cumulo.testing.residence import Residence

NAME, NETWORK = "box", "home"


@pytest.fixture(scope="module")
def home(cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory) -> Residence:
    """A project with a network behind a router, and an image of a root file system."""
    folder = tmp_path_factory.mktemp("carl")
    home = Residence(cloud, cloud.user("carl"), folder)
    home.network(NETWORK, "10.19.0.0/24", router="door")
    archive = rootfs.networked(folder / "box.tar.gz")
    facts = ("--disk-format", "raw", "--property", "img_hv_type=lxc")
    home.user("image", "create", "--file", str(archive), *facts, NAME)
    home.create(NAME, NETWORK, image=NAME)
    return home


def says(user: Client | OpenStack, words: str) -> str:
    """Wait until the console says something; return the rest of that line, the last there is."""

    def said() -> list[str]:
        return re.findall(f"{words}: (.+?)\r?\n", user("console", "log", "show", NAME))

    return until(said, seconds=120, what=f"a console that says {words}")[-1]


def test_it_gets_its_address_by_dhcp_and_its_name_from_the_metadata(home: Residence) -> None:
    assert says(home.user, "address") == f"{home.fixed_address(NAME, NETWORK)}/24"
    told = json.loads(says(home.user, "server"))
    assert (told["name"], told["uuid"]) == (NAME, home.user.json("server", "show", NAME)["id"])


def test_it_is_reached_at_a_floating_address(home: Residence) -> None:
    address = str(home.user.json("floating", "ip", "create", home.external)["floating_ip_address"])
    home.user("server", "add", "floating", "ip", NAME, address)
    until(lambda: pings(address), seconds=60, what="an answer to a ping")
    home.user("server", "remove", "floating", "ip", NAME, address)
    home.user("floating", "ip", "delete", address)


@pytest.mark.parametrize(("how", "boots"), [("--soft", 2), ("--hard", 3)])
def test_a_reboot_starts_it_anew_with_what_it_wrote(home: Residence, how: str, boots: int) -> None:
    home.user("server", "reboot", how, "--wait", NAME)
    until(lambda: says(home.user, "boots") == str(boots), seconds=90, what=f"boot {boots}")
    assert home.user.json("server", "show", NAME)["status"] == "ACTIVE"


def test_stopped_it_is_off_and_what_it_cannot_is_refused_in_words(home: Residence) -> None:
    with pytest.raises(CommandRefused, match="container"):
        home.user("server", "suspend", NAME)
    home.user("server", "stop", NAME)
    until(
        lambda: home.user.json("server", "show", NAME)["status"] == "SHUTOFF", what="a container that is off"
    )


def test_it_stops_with_the_cloud_when_guests_shall(cloud: LaunchedCloud, home: Residence) -> None:
    home.user("server", "start", NAME)
    server = home.user.json("server", "show", NAME)["id"]
    until(lambda: server in running_guests(cloud.state), what="a container that runs")
    cloud.command("down", "--guests")
    assert running_guests(cloud.state) == []
    cloud.up()


def test_nothing_is_left_of_it(cloud: LaunchedCloud, home: Residence) -> None:
    server = home.user.json("server", "show", NAME)["id"]
    home.user("server", "delete", "--wait", NAME)
    left = [file for file in cloud.state.path.rglob(f"*{server}*") if file.parent.name != "fences"]
    assert left == []
    home.user("image", "delete", NAME)
    home.clear()
