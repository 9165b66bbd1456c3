"""What a new cloud holds, so that a first server can be booted: made once, over the cloud's own API.

A project with a user, the external network and the built-in image. What an administrator removes
later stays removed: each part that was made is noted in the state folder.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import structlog

from cumulo.core.http import App
from cumulo.runtime import clouds
from cumulo.runtime.engines.external import recorded
from cumulo.runtime.engines.openvswitch import PHYSICAL_NETWORK
from cumulo.runtime.images.mini import PROPERTIES
from cumulo.runtime.inside import Inside
from cumulo.runtime.settings import runtime_settings
from cumulo.runtime.state import StateFolder

log = structlog.get_logger(__name__)

IMAGE = "mini"
EXTERNAL = "public"
_PIECE = 1024 * 1024
_PAUSES = (1, 5, 15, 60, 300)  # seconds between tries


class BuildFailed(Exception):
    """The built-in image could not be built."""


class Contents:
    """The first contents of the cloud that `app` serves. One without engines gets no network and image."""

    def __init__(self, app: App, state: StateFolder) -> None:
        self._api = Inside(app)
        self._state = state
        self._settings = runtime_settings(state)
        self._noted = state.path / "first-contents"

    async def first(self) -> None:
        """Make what clouds.yaml promises: a user who can log in."""
        await self._make([self.project])

    async def rest(self) -> None:
        """Make the rest, which takes longer; a part that fails is tried again, and stops no other."""
        if self._settings.engines.start:
            await self._make([self.external_network, self.image])

    async def _make(self, parts: list[Callable[[], Awaitable[None]]]) -> None:
        missing = [part for part in parts if not self._is_made(part.__name__)]
        if missing:
            await self._api.log_in("admin", clouds.password(self._state.admin_password), "admin")
            await asyncio.gather(*(self._made(part) for part in missing))

    async def project(self) -> None:
        """Make the first project and its user, a member of it."""
        name = clouds.PROJECT_USER
        secret = clouds.password(clouds.project_password(self._state))
        roles = (await self._api.get("/identity/v3/roles?name=member"))["roles"]
        projects = (await self._api.get(f"/identity/v3/projects?name={name}"))["projects"]
        if not projects:
            body = {"project": {"name": name, "domain_id": "default", "description": "A first project"}}
            projects = [(await self._api.post("/identity/v3/projects", body))["project"]]
        users = (await self._api.get(f"/identity/v3/users?name={name}"))["users"]
        project_id = projects[0]["id"]
        if not users:
            user = {"name": name, "password": secret, "default_project_id": project_id}
            body = {"user": {**user, "domain_id": "default"}}
            users = [(await self._api.post("/identity/v3/users", body))["user"]]
        grant = f"/identity/v3/projects/{project_id}/users/{users[0]['id']}/roles/{roles[0]['id']}"
        await self._api.put(grant)

    async def external_network(self) -> None:
        """Make the external network on the addresses that the machine itself is the gateway of."""
        addresses = self._settings.engines.external_cidr or str(recorded(self._state))
        found = (await self._api.get(f"/network/v2.0/networks?name={EXTERNAL}"))["networks"]
        if not found:
            network = {
                "name": EXTERNAL,
                "router:external": True,
                "provider:network_type": "flat",
                "provider:physical_network": PHYSICAL_NETWORK,
            }
            found = [(await self._api.post("/network/v2.0/networks", {"network": network}))["network"]]
        if not found[0]["subnets"]:
            subnet = {
                "name": f"{EXTERNAL}-subnet",
                "network_id": found[0]["id"],
                "ip_version": 4,
                "cidr": addresses,
                "enable_dhcp": False,
            }
            await self._api.post("/network/v2.0/subnets", {"subnet": subnet})

    async def image(self) -> None:
        """Build the small guest image, if it was not built before, and upload it for all projects."""
        found = (await self._api.get(f"/image/v2/images?name={IMAGE}"))["images"]
        if found and found[0]["status"] == "active":
            return
        file = self._state.path / "cache" / f"{IMAGE}.qcow2"
        if not file.exists():
            await build(self._state, file)
        if not found:
            image = {
                "name": IMAGE,
                "visibility": "public",
                "disk_format": "qcow2",
                "container_format": "bare",
                "min_ram": 128,
                **PROPERTIES,
            }
            found = [await self._api.post("/image/v2/images", image)]
        await self._api.put(f"/image/v2/images/{found[0]['id']}/file", pieces(file))

    async def _made(self, part: Callable[[], Awaitable[None]]) -> None:
        name = part.__name__
        for pause in (*_PAUSES, None):
            try:
                await part()
            except Exception as error:
                log.warning("contents.failed", part=name, reason=str(error), again_in=pause)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                with self._noted.open("a", encoding="ascii") as file:
                    file.write(f"{name}\n")
                log.info("contents.made", part=name)
                return

    def _is_made(self, name: str) -> bool:
        return self._noted.exists() and name in self._noted.read_text(encoding="ascii").split()


async def build(state: StateFolder, file: Path) -> None:
    """Build the image in a process of its own, so that the server's memory stays small. BuildFailed."""
    file.parent.mkdir(exist_ok=True)
    beside = file.with_suffix(".building")
    command = ("-P", "-m", "cumulo.runtime.cli", "--state", str(state.path), "image", "build", IMAGE)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--output",
        str(beside),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise BuildFailed(out.decode(errors="replace").strip()[-500:])
    beside.replace(file)


async def pieces(file: Path) -> AsyncIterator[bytes]:
    """Yield a file's bytes."""
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, _PIECE):
            yield piece
