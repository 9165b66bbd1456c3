"""A stranger's first minute: an ordinary project user, the official `openstack` client, a real guest.

The tests share one story and run in the order of the file; each looks at one promise of it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from cumulo.testing import leftovers
from cumulo.testing.guests import Guest, pings
from cumulo.testing.launched import Client, CommandRefused, LaunchedCloud, until
from cumulo.testing.residence import Residence

USER_DATA = "#!/bin/sh\necho user data was here > /run/user-data-ran\n"
BUILD = Path(__file__).resolve().parents[2] / "build" / "e2e"  # pictures stay there for people to look at
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COLOURS = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const seen = new Set();
    for (let i = 0; i < pixels.length; i += 4) seen.add(pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]);
    return seen.size;
}"""


@pytest.fixture(scope="module")
def alice(cloud: LaunchedCloud) -> Client:
    client = cloud.user("alice")
    client("security", "group", "list")  # the project's default group is made when it is first looked for
    return client


@pytest.fixture(scope="module")
def bob(cloud: LaunchedCloud) -> Client:
    client = cloud.user("bob")
    client("security", "group", "list")
    return client


@pytest.fixture(scope="module")
def before(cloud: LaunchedCloud, alice: Client, bob: Client) -> leftovers.Inventory:
    """What stands before anything was made."""
    return leftovers.settled(cloud)


@pytest.fixture(scope="module")
def user_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("user-data") / "user-data"
    path.write_text(USER_DATA)
    return path


@pytest.fixture(scope="module")
def home(
    cloud: LaunchedCloud, alice: Client, before: leftovers.Inventory, tmp_path_factory: pytest.TempPathFactory
) -> Residence:
    home = Residence(cloud, alice, tmp_path_factory.mktemp("alice"))
    home.network("home", "10.11.0.0/24", router="door")
    return home


@pytest.fixture(scope="module")
def image(cloud: LaunchedCloud, home: Residence, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Alice's own image: the cloud's mini image, downloaded and uploaded again."""
    path = tmp_path_factory.mktemp("image") / "mini.qcow2"
    home.user("image", "save", "--file", str(path), "mini")
    home.user("image", "create", "--disk-format", "qcow2", "--file", str(path), "own")
    return "own"


@pytest.fixture(scope="module")
def guest(home: Residence, image: str, user_data: Path) -> Guest:
    return home.boot("first", "home", "--user-data", str(user_data), image=image)


def test_an_image_is_downloaded_and_uploaded_whole(home: Residence, image: str):
    shown = home.user.json("image", "show", image)
    assert shown["status"] == "active"
    assert shown["checksum"] == home.user.json("image", "show", "mini")["checksum"]


def test_ssh_reaches_the_guest_through_its_floating_ip(guest: Guest):
    assert guest.run("echo hello") == "hello"


def test_user_data_ran(guest: Guest):
    assert guest.run("cat /run/user-data-ran") == "user data was here"


def test_hostname_and_key_came_from_metadata(home: Residence, guest: Guest):
    assert guest.run("hostname") == "first"
    document = guest.run("wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
    assert home.public_key.split()[1] in document
    assert guest.run("wget -q -O - http://169.254.169.254/latest/meta-data/instance-id").startswith("i-")


def test_the_guest_reaches_out_through_the_router(home: Residence, guest: Guest):
    gateway = home.user.json("subnet", "show", "home-subnet")["gateway_ip"]
    assert guest.reaches(gateway)
    assert guest.reaches(guest.address.rpartition(".")[0] + ".1")  # the machine, on the external network


def test_more_than_one_packet_of_tcp_arrives_whole(guest: Guest):
    assert len(guest.run("head -c 100000 /dev/zero | od -An -v -tx1")) > 300_000


def test_removing_the_ssh_rule_cuts_the_connection(home: Residence, guest: Guest):
    home.close_door()
    until(lambda: not guest.answers(), seconds=30, what="the connection to be cut")
    assert pings(guest.address)
    home.open_door()
    guest.wait(60)


def test_another_project_sees_none_of_it(home: Residence, guest: Guest, bob: Client):
    assert bob.json("server", "list") == []
    assert bob.json("floating", "ip", "list") == []
    assert bob.json("keypair", "list") == []
    assert "home" not in {network["Name"] for network in bob.json("network", "list")}
    assert "home" not in {group["Name"] for group in bob.json("security", "group", "list")}
    assert "own" not in {image["Name"] for image in bob.json("image", "list")}
    server = home.user.json("server", "show", "first")["id"]
    for action in (
        ("server", "show"),
        ("server", "delete"),
        ("server", "reboot"),
        ("console", "log", "show"),
    ):
        with pytest.raises(CommandRefused):
            bob(*action, server)
    assert guest.answers()


def test_two_networks_talk_only_through_a_router(home: Residence, guest: Guest, user_data: Path):
    alice = home.user
    home.network("away", "10.12.0.0/24", router="back-door")
    home.boot("second", "away", "--user-data", str(user_data))
    there = home.fixed_address("second", "away")
    assert not guest.reaches(there)
    alice("port", "create", "--network", "away", "--fixed-ip", "subnet=away-subnet", "between")
    alice("router", "add", "port", "door", "between")
    between = alice.json("port", "show", "between")["fixed_ips"][0]["ip_address"]
    home.servers["second"].run(f"ip route add 10.11.0.0/24 via {between}")
    until(lambda: guest.reaches(there), seconds=30, what="the second network through the router")
    alice("router", "remove", "port", "door", "between")
    until(lambda: not guest.reaches(there), seconds=30, what="the way between the networks to be gone")


@pytest.mark.parametrize("how", ["--soft", "--hard"])
def test_a_reboot_boots_the_guest_anew(home: Residence, guest: Guest, how: str):
    boot = guest.boot_id
    home.user("server", "reboot", how, "--wait", "first")
    until(lambda: guest.answers() and guest.boot_id != boot, seconds=240, what="another boot")
    assert home.user.json("server", "show", "first")["status"] == "ACTIVE"


def test_the_console_log_holds_the_login_prompt(home: Residence, guest: Guest):
    log = until(
        lambda: re.search(r"login:", home.user("console", "log", "show", "first")),
        seconds=60,
        what="the login prompt in the console log",
    )
    assert log


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        yield browser.new_page()
        browser.close()


def test_the_console_page_shows_the_guests_screen(home: Residence, guest: Guest, page: Page):
    url = home.user.json("console", "url", "show", "--novnc", "first")["url"]
    page.goto(url)
    canvas = page.wait_for_selector("canvas", timeout=30_000)
    assert canvas is not None
    until(lambda: canvas.evaluate(COLOURS) > 1, seconds=30, what="a picture on the canvas")
    screenshot = BUILD / "console.png"
    screenshot.parent.mkdir(exist_ok=True, parents=True)
    page.screenshot(path=screenshot)
    assert screenshot.stat().st_size > 2_000


def test_a_console_token_opens_once(home: Residence, guest: Guest, page: Page):
    url = home.user.json("console", "url", "show", "--novnc", "first")["url"]
    page.goto(url)
    canvas = page.wait_for_selector("canvas", timeout=30_000)
    assert canvas is not None
    until(lambda: canvas.evaluate(COLOURS) > 1, seconds=30, what="a picture on the canvas")
    assert page.context.browser is not None
    again = page.context.browser.new_page()
    again.goto(url)
    again.wait_for_timeout(3_000)
    found = again.query_selector("canvas")
    assert found is None or found.evaluate(COLOURS) <= 1


def test_deleting_all_leaves_nothing(
    cloud: LaunchedCloud, home: Residence, guest: Guest, image: str, before: leftovers.Inventory
):
    home.clear()
    home.user("image", "delete", image)
    assert home.user.json("port", "list") == []
    until(
        lambda: leftovers.grown(before, leftovers.inventory(cloud)) == {},
        seconds=30,
        what=f"nothing left, but there was {leftovers.grown(before, leftovers.inventory(cloud))}",
    )
