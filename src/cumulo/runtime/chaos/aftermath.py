"""What must be true once the killing has stopped."""

import asyncio
import hashlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cumulo.runtime.chaos.caller import Caller
from cumulo.runtime.chaos.home import COMPUTE, IDENTITY, IMAGE, NETWORK, PRECIOUS, VOLUME, Home, Stage
from cumulo.runtime.chaos.promises import Fate, Promises, Thing
from cumulo.runtime.check import check
from cumulo.runtime.state import StateFolder

WITHIN = 60.0  # seconds in which a cloud must be sound again
_REMOVED_WITHIN = 120.0  # seconds in which all of a project can be removed
_LOOK = 2.0


def settle(state: StateFolder, promises: Promises, after: str) -> float:
    """Wait until the cloud is sound, and return for how long; what is not within a minute is a violation."""
    began = time.monotonic()
    give_up = began + WITHIN
    while (found := asyncio.run(check(state))) and time.monotonic() < give_up:
        time.sleep(_LOOK)  # a command polls; no event loop is here
    for finding in found:
        promises.violated(finding.id, f"{WITHIN:g} seconds after {after}: {finding}")
    return time.monotonic() - began


def verify(stage: Stage, promises: Promises, *, faultless: bool) -> None:
    """Hold the cloud against what clients were told. `faultless`: no engine failed: nothing is in error."""
    for thing in list(promises.things.values()):
        answer = stage.homes[thing.client].caller("GET", thing.path)
        if answer.status == HTTPStatus.NOT_FOUND:
            if thing.fate is Fate.THERE:
                promises.violated(thing.id, f"this {thing.kind} was made and never deleted, and is gone")
        elif not answer.well:
            promises.violated(thing.id, f"this {thing.kind} cannot be shown: {answer.status} {answer.reason}")
        elif thing.fate is Fate.LEAVING:
            promises.violated(thing.id, f"this {thing.kind}'s deletion was accepted, and it is there")
        elif faultless and "error" in (status := _status(answer.document)).lower():
            reason = _fault(answer.document)
            promises.violated(thing.id, f"this {thing.kind} is {status} though no engine failed{reason}")
    for home in stage.homes:
        for what, told, counted in _accounts(home):
            if told != counted:
                promises.violated(home.project, f"of {what}, {told} are said to be used, and {counted} are")


def _status(document: Any) -> str:
    shown = document if "status" in document else next(iter(document.values()))
    return str(shown.get("status", ""))


def _fault(document: Any) -> str:
    shown = next(iter(document.values()))
    fault = shown.get("fault", {}) if isinstance(shown, dict) else {}
    return f": {fault['message']}" if "message" in fault else ""


def _accounts(home: Home) -> Iterator[tuple[str, int, int]]:
    """Yield what a quota says is used, and how much of it a list has."""
    ask = home.caller.insist
    used = ask("GET", f"{COMPUTE}/limits")["limits"]["absolute"]
    servers = ask("GET", f"{COMPUTE}/servers")["servers"]
    yield "servers", used["totalInstancesUsed"], len(servers)
    used = ask("GET", f"{VOLUME}/limits")["limits"]["absolute"]
    volumes = ask("GET", f"{VOLUME}/volumes/detail")["volumes"]
    snapshots = ask("GET", f"{VOLUME}/snapshots/detail")["snapshots"]
    yield "volumes", used["totalVolumesUsed"], len(volumes)
    yield "snapshots", used["totalSnapshotsUsed"], len(snapshots)
    yield "GiB of volumes", used["totalGigabytesUsed"], sum(one["size"] for one in (*volumes, *snapshots))
    yield "backups", used["totalBackupsUsed"], len(ask("GET", f"{VOLUME}/backups")["backups"])
    quota = home.admin.insist("GET", f"{NETWORK}/quotas/{home.project}/details.json")["quota"]
    for name in ("port", "floatingip"):
        listed = ask("GET", f"{NETWORK}/{name}s?project_id={home.project}")[f"{name}s"]
        yield f"{name}s", quota[name]["used"], len(listed)


def read_back(stage: Stage, promises: Promises) -> None:
    """Have every precious volume read whole, once no server has it."""
    for home in stage.homes:
        for server in home.caller.insist("GET", f"{COMPUTE}/servers")["servers"]:
            home.caller("DELETE", f"{COMPUTE}/servers/{server['id']}")
        precious = promises.of(home.number, "volume", lambda thing: thing.precious)
        for volume in precious:
            content = _content(home, volume)
            if content != stage.content:
                promises.violated(volume.id, f"this volume holds other bytes than it was made of: {content}")


def _content(home: Home, volume: Thing) -> str:
    """Return the SHA-256 of a volume's first bytes, or what kept them from being read."""

    def status(path: str) -> str:
        return _status(home.caller.insist("GET", path))

    found = _until(lambda: status(volume.path), {"available", "error"})
    if found != "available":
        return f"it is {found}"
    body = {"os-volume_upload_image": {"image_name": "read back", "disk_format": "qcow2"}}
    made = home.caller.insist("POST", f"{volume.path}/action", body)["os-volume_upload_image"]
    image = f"{IMAGE}/images/{made['image_id']}"
    found = _until(lambda: status(image), {"active", "killed", "deleted"})
    if found != "active":
        return f"its image is {found}"
    content = home.caller("GET", f"{image}/file").document
    home.caller.insist("DELETE", image)
    return hashlib.sha256(_decoded(content)).hexdigest()


def _decoded(content: bytes) -> bytes:
    """Return the first bytes of the disk in a qcow2 file."""
    with tempfile.TemporaryDirectory(prefix="cumulo-chaos-") as folder:
        disk, raw = Path(folder) / "disk", Path(folder) / "raw"
        disk.write_bytes(content)
        words = ("-f", "qcow2", "-O", "raw", "bs=1M", f"count={PRECIOUS >> 20}", f"if={disk}", f"of={raw}")
        subprocess.run(["qemu-img", "dd", *words], check=True, stdin=subprocess.DEVNULL)  # noqa: S603, S607  Debian's, an argument list of our own
        return raw.read_bytes()


def _until(ask: Any, ends: set[str]) -> str:
    give_up = time.monotonic() + _REMOVED_WITHIN
    while (found := str(ask())) not in ends and time.monotonic() < give_up:
        time.sleep(_LOOK / 4)  # a command polls; no event loop is here
    return found


def remove(stage: Stage, promises: Promises) -> None:
    """Have every project removed with all it has: nothing that is left may be beyond removing."""
    for home in stage.homes:
        path = f"{IDENTITY}/OS-CUMULO/projects/{home.project}/purge"
        operation = stage.admin.insist("POST", path, {})["purge"]["operation_id"]
        state = _until(lambda known=operation: _operation(stage.admin, known), {"done", "failed", "stuck"})
        if state != "done":
            shown = stage.admin.insist("GET", f"/operations/{operation}")["operation"]
            promises.violated(home.project, f"this project cannot be removed: {state}, {shown['error']}")


def _operation(admin: Caller, id_: str) -> str:
    return str(admin.insist("GET", f"/operations/{id_}")["operation"]["state"])
