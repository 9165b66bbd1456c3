"""Every image command of the official client, against a cloud with two stores; and `cumulo appliance`."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.services.image.appliances import members, pack

from cumulo.runtime.client import Session
from cumulo.runtime.conformance.web import web_server
from cumulo.testing.commands import CommandedCloud, Tried, commanded_cloud
from cumulo.testing.launched import until
from cumulo.testing.official import OpenStack

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
[engines]
start = false
[node]
hypervisor = "fake"
[image]
download_networks = ["127.0.0.0/8"]
download_ports = [{port}]
[image.stores.second]
description = "A second folder"
"""
DATA = b"some data of an image" * 1000


@pytest.fixture(scope="module")
def picture() -> Iterator[str]:
    """The URL of a qcow2 on the web."""
    with web_server() as url:
        yield url


@pytest.fixture(scope="module")
def cloud(picture: str) -> Iterator[CommandedCloud]:
    with commanded_cloud("image-commands", SETTINGS.format(port=urlsplit(picture).port)) as made:
        yield made


@pytest.fixture(scope="module")
def admin(cloud: CommandedCloud) -> OpenStack:
    return cloud.admin


@pytest.fixture(scope="module")
def person(admin: OpenStack) -> Callable[[str], OpenStack]:
    """Make users, each a member of a project of the same name."""
    return admin.member


@pytest.fixture(scope="module")
def alice(admin: OpenStack) -> OpenStack:
    return admin.member("alice")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data"
    path.write_bytes(DATA)
    return path


def session(who: OpenStack) -> Session:
    """Return a session of the client's user, for what the client cannot."""
    words = {part: who.environment[f"OS_{part.upper()}"] for part in ("username", "password", "project_name")}
    domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
    return Session(who.environment["OS_AUTH_URL"].removesuffix("/identity/v3"), words | domains)


def queued(who: OpenStack, name: str, disk_format: str) -> None:
    """Register an image without data, which the command cannot when it is not at a terminal."""
    body = {"name": name, "disk_format": disk_format, "container_format": "bare"}
    with contextlib.closing(session(who)) as api:
        api.post("/image/v2/images", body)


def becomes(who: OpenStack, image: str, status: str) -> dict[str, object]:
    """Wait until an image has a status; return it."""

    def look() -> dict[str, object] | None:
        shown: dict[str, object] = who.json("image show", image)
        return shown if shown["status"] == status else None

    return until(look, what=f"image {image} to be {status}")


def test_an_image_is_created_changed_saved_and_deleted(alice: OpenStack, data: Path, tmp_path: Path):
    made = alice.json("image create", "one", "--file", str(data), "--disk-format", "raw", "--tag", "red",
                      "--property", "os_distro=debian", "--min-disk", "1", "--min-ram", "64")  # fmt: skip
    assert (made["status"], made["tags"], made["min_disk"]) == ("active", ["red"], 1)
    alice("image set", "one", "--name", "two", "--property", "speed=fast", "--tag", "blue", "--protected")
    shown = alice.json("image show", "two")
    assert (shown["protected"], shown["tags"]) == (True, ["blue", "red"])
    assert shown["properties"]["speed"] == "fast"
    assert shown["properties"]["stores"] == "file"
    alice.refused("image delete", "two")
    alice("image set", "two", "--unprotected", "--hidden")
    assert [row["Name"] for row in alice.json("image list")] == []
    assert [row["Name"] for row in alice.json("image list", "--hidden")] == ["two"]
    alice("image unset", "two", "--property", "speed", "--tag", "red")
    assert "speed" not in alice.json("image show", "two")["properties"]
    alice("image save", "two", "--file", str(tmp_path / "saved"))
    assert (tmp_path / "saved").read_bytes() == DATA
    alice("image set", "two", "--deactivate")
    alice.refused("image save", "two", "--file", str(tmp_path / "again"))
    alice("image set", "two", "--activate")
    alice("image delete", "two")
    alice.refused("image show", "two")


def test_data_that_is_not_what_it_is_said_to_be_is_refused_with_the_reason(alice: OpenStack, data: Path):
    said = alice.refused("image create", "liar", "--file", str(data), "--disk-format", "vmdk")
    assert "declared as vmdk" in said
    alice.refused("image show", "liar")  # the client takes back what it could not fill


def test_an_image_is_shared(
    admin: OpenStack, alice: OpenStack, person: Callable[[str], OpenStack], data: Path
):
    bob = person("bob")
    project = admin.json("project show", "bob")["id"]
    image = alice.json("image create", "ours", "--shared", "--file", str(data), "--disk-format", "raw")["id"]
    alice("image add project", "ours", project)
    assert alice.json("image member list", "ours")[0]["Status"] == "pending"
    assert alice.json("image member get", "ours", project)["status"] == "pending"
    bob("image set", image, "--accept")
    assert "ours" in [row["Name"] for row in bob.json("image list")]
    alice("image remove project", "ours", project)
    bob.refused("image show", image)


def test_images_are_staged_and_imported(admin: OpenStack, alice: OpenStack, data: Path):
    queued(alice, "staged", "raw")
    alice("image stage", "staged", "--file", str(data))
    assert alice.json("image show", "staged")["status"] == "uploading"
    alice("image import", "staged", "--method", "glance-direct", "--all-stores")
    shown = becomes(alice, "staged", "active")
    assert shown["properties"]["stores"] == "file,second"  # type: ignore[index]
    assert "403" in alice.refused("image delete", "staged", "--store", "second")
    admin("image delete", alice.json("image show", "staged")["id"], "--store", "second")
    until(lambda: alice.json("image show", "staged")["properties"]["stores"] == "file", what="one store")


def test_images_come_from_the_web(alice: OpenStack, picture: str):
    queued(alice, "found", "qcow2")
    alice("image import", "found", "--method", "web-download", "--uri", picture, "--store", "second")
    shown = becomes(alice, "found", "active")
    assert (shown["properties"]["stores"], shown["virtual_size"]) == ("second", 8 << 20)  # type: ignore[index]
    queued(alice, "inside", "qcow2")
    for uri in ("http://127.0.0.1:22/", "http://169.254.169.254/"):
        alice("image import", "inside", "--method", "web-download", "--uri", uri)  # it tells no refusal
        shown = alice.json("image show", "inside")
        assert (shown["status"], "os_glance_failed_import" in shown["properties"]) == ("queued", False)


def test_what_the_service_can_do(admin: OpenStack, alice: OpenStack):
    assert "copy-image" in json.dumps(alice.json("image import info"))
    rows = alice.json("image stores list")
    assert [row["ID"] for row in rows] == ["file", "second"]
    detail = admin.json("image stores list", "--detail")
    assert "images" in detail[0]["Properties"]["data_dir"]


def test_tasks_are_shown_to_administrators(admin: OpenStack, alice: OpenStack):
    tasks = admin.json("image task list")
    assert {row["Status"] for row in tasks} == {"success"}
    shown = admin.json("image task show", tasks[0]["ID"])
    assert shown["type"] == "api_image_import"
    alice.refused("image task list")


def test_the_cache_is_filled_and_cleared(admin: OpenStack, data: Path):
    image = admin.json("image create", "kept", "--file", str(data), "--disk-format", "raw")["id"]
    admin("cached image queue", image)

    def cached() -> bool:
        return [row["State"] for row in admin.json("cached image list")] == ["cached"]

    until(cached, what="the cache to have it")
    admin("cached image delete", image)
    assert admin.json("cached image list") == []
    admin("cached image queue", image)
    admin("cached image clear")
    assert admin.json("cached image list") == []


def test_metadata_definitions(admin: OpenStack, alice: OpenStack):
    admin("image metadef namespace create", "Look", "--public", "--display-name", "How it looks")
    assert "Look" in [row["namespace"] for row in alice.json("image metadef namespace list")]
    admin("image metadef namespace set", "Look", "--public", "--protected", "--description", "of things")
    shown = alice.json("image metadef namespace show", "Look")
    assert (shown["description"], shown["protected"]) == ("of things", True)
    admin("image metadef namespace set", "Look", "--public", "--unprotected", "--tag", "bright")
    admin("image metadef namespace unset", "Look", "--tag", "bright")
    property_ = ("--name", "colour", "--title", "Colour", "--type", "string", "--schema", '{"enum": ["red"]}')
    admin("image metadef property create", "Look", *property_)
    assert alice.json("image metadef property show", "Look", "colour")["enum"] == ["red"]
    admin("image metadef property set", "Look", "colour", "--title", "Hue", "--type", "string")
    assert [row["title"] for row in alice.json("image metadef property list", "Look")] == ["Hue"]
    admin("image metadef object create", "--namespace", "Look", "shape")
    admin("image metadef object update", "Look", "shape", "--name", "form")
    assert [row["name"] for row in alice.json("image metadef object list", "Look")] == ["form"]
    assert alice.json("image metadef object show", "Look", "form")["name"] == "form"
    with contextlib.closing(session(admin)) as api:  # the client cannot give an object properties
        properties = {"width": {"title": "Width", "type": "integer"}}
        api.put("/image/v2/metadefs/namespaces/Look/objects/form", {"name": "form", "properties": properties})
    shown = alice.json("image metadef object property show", "Look", "form", "width")
    assert shown["title"] == "Width"
    types = [row["Name"] for row in alice.json("image metadef resource type list")]
    assert "OS::Glance::Image" in types
    admin("image metadef resource type association create", "Look", "OS::Glance::Image")
    tied = alice.json("image metadef resource type association list", "Look")
    assert [row["Name"] for row in tied] == ["OS::Glance::Image"]
    admin("image metadef resource type association delete", "Look", "OS::Glance::Image")
    admin("image metadef object delete", "Look", "form")
    admin("image metadef property delete", "Look", "colour")
    admin("image metadef namespace delete", "Look")
    admin.refused("image metadef namespace show", "Look")


def test_an_appliance_is_imported_by_one_command(cloud: CommandedCloud, admin: OpenStack, tmp_path: Path):
    ova = tmp_path / "box.ova"
    ova.write_bytes(pack(members(tmp_path)))
    command = [str(ROOT / "cumulo"), "--state", str(cloud.state.path), "appliance", "import", str(ova)]
    command += ["--cloud", "cumulo-admin"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "openstack flavor create --vcpus 2 --ram 512 --disk 3 'The Box'" in done.stdout
    assert "Ethernet 1 on 'VM Network'" in done.stdout
    names = [row["Name"] for row in admin.json("image list")]
    assert {"The Box", "The Box disk 2"} <= set(names)
    assert "box.ova" not in names
    admin("network create", "private")
    done = subprocess.run([*command, "--network", "VM Network=private", "--name", "Second"],
                          capture_output=True, text=True, check=True, cwd=ROOT)  # fmt: skip
    ports = admin.json("port list", "--network", "private", "--long")
    assert [(port["Name"], port["MAC Address"]) for port in ports] == [("Ethernet 1", "52:54:00:aa:bb:cc")]
    assert f"--port {ports[0]['ID']}" in done.stdout
    ova.write_bytes(b"no appliance")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, "no tar archive" in done.stderr) == (1, True), done.stderr


def test_no_command_is_forgotten(cloud: CommandedCloud):
    commands = set(cloud.client.commands("openstack.image.v2"))
    assert commands - Tried.by([Path(__file__)]).commands == set()
