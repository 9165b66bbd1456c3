"""`cumulo appliance import FILE.ova`: an appliance becomes images, a flavor and ports, ready for a server."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from cumulo.runtime.client import Refused, Session
from cumulo.runtime.state import StateFolder

IMAGES, NETWORK = "/image/v2/images", "/network/v2.0"
_PAUSE = 0.5


class Failed(Exception):
    """The appliance could not be imported; the message says why."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    words = verbs.add_parser("import", help="upload an OVA and make images of its disks")
    words.add_argument("file", type=Path, metavar="FILE.ova")
    words.add_argument("--name", default="", help="what the images are called (the appliance's own name)")
    words.add_argument("--cloud", default="cumulo", help="the entry of clouds.yaml to use")
    words.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="NAME=NETWORK",
        help="make ports for the appliance's network NAME on NETWORK; NETWORK alone: for all",
    )
    words.add_argument("--keep", action="store_true", help="keep the uploaded OVA as an image")


def run(options: argparse.Namespace) -> int:
    """Import the appliance and print what was made."""
    api = Session.of(StateFolder(options.state), options.cloud)
    try:
        _import(api, options)
    except (Refused, Failed, OSError) as error:
        print(f"cumulo: {error}", file=sys.stderr)
        return 1
    finally:
        api.close()
    return 0


def _import(api: Session, options: argparse.Namespace) -> None:
    networks = dict(_pair(text) for text in options.network)
    ids = {name: _network(api, named) for name, named in networks.items()}
    formats = {"disk_format": "raw", "container_format": "ova", "visibility": "private"}
    ova = api.post(IMAGES, {"name": options.file.name, **formats})["id"]
    try:
        with options.file.open("rb") as file:
            api.upload(f"{IMAGES}/{ova}/file", file)
        made = api.post(f"{IMAGES}/{ova}/appliance", {"name": options.name})
        _wait(api, ova, made["task"])
        ports = [_port(api, port, ids) for port in made["ports"]]
    finally:
        if not options.keep:
            api.delete(f"{IMAGES}/{ova}")
    for line in lines(made, ports):
        print(line)


def _pair(text: str) -> tuple[str, str]:
    """Split `NAME=NETWORK`; a network alone stands for every name, which is the empty one."""
    name, equals, network = text.rpartition("=")
    return (name, network) if equals else ("", network)


def _network(api: Session, named: str) -> str:
    for query in ({"id": named}, {"name": named}):
        found = api.get(f"{NETWORK}/networks", **query)["networks"]
        if len(found) == 1:
            return str(found[0]["id"])
    raise Failed(f"there is no network {named}, or several")


def _wait(api: Session, ova: str, task_id: str) -> None:
    while True:
        tasks = api.get(f"{IMAGES}/{ova}/tasks")["tasks"]
        task = next(task for task in tasks if task["id"] == task_id)
        if task["status"] == "success":
            return
        if task["status"] == "failure":
            raise Failed(task["message"])
        time.sleep(_PAUSE)


def _port(api: Session, wanted: dict[str, Any], networks: dict[str, str]) -> dict[str, Any]:
    """Make a port where the network is known; return it as it is, or as it was wanted."""
    network = networks.get(wanted["network"]) or networks.get("")
    if network is None:
        return wanted
    body = {"name": wanted["name"], "network_id": network}
    if "mac_address" in wanted:
        body["mac_address"] = wanted["mac_address"]
    try:
        made: dict[str, Any] = api.post(f"{NETWORK}/ports", {"port": body})["port"]
    except Refused:
        if "mac_address" not in body:
            raise
        del body["mac_address"]  # it is taken, or not for this user to choose
        made = api.post(f"{NETWORK}/ports", {"port": body})["port"]
    return {**wanted, **made}


def lines(made: dict[str, Any], ports: list[dict[str, Any]]) -> list[str]:
    """Return what came of it, and the commands that make a server of it."""
    told = [f"image   {image['id']}  {image['name']} ({image['disk_format']})" for image in made["images"]]
    flavor = made["flavor"]
    size = f"--vcpus {flavor['vcpus']} --ram {flavor['ram']} --disk {flavor['disk']}"
    told.append(f"flavor  openstack flavor create {size} {flavor['name']!r}")
    for port in ports:
        here = port.get("id") or "(not made: say --network NAME=NETWORK)"
        told.append(f"port    {here}  {port['name']} on {port['network']!r}")
    nics = " ".join(f"--port {port['id']}" for port in ports if "id" in port)
    image = made["images"][0]["id"]
    told.append(f"server  openstack server create --image {image} --flavor {flavor['name']!r} {nics} NAME")
    return told
