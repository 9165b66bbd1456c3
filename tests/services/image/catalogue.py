"""Everyday calls of the image API, for tests."""

from pathlib import Path
from typing import Any

import httpx

V2 = "/image/v2"
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(256)) * 5000


async def register(client: httpx.AsyncClient, **attributes: Any) -> dict[str, Any]:
    body = {"name": "one", "disk_format": "raw", "container_format": "bare"} | attributes
    answer = await client.post(f"{V2}/images", json=body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def upload(client: httpx.AsyncClient, image_id: str, data: Any = b"bytes") -> httpx.Response:
    return await client.put(f"{V2}/images/{image_id}/file", content=data, headers=OCTETS)


async def active(client: httpx.AsyncClient, data: bytes = b"bytes", **attributes: Any) -> dict[str, Any]:
    image = await register(client, **attributes)
    answer = await upload(client, image["id"], data)
    assert answer.status_code == 204, answer.text
    shown: dict[str, Any] = (await client.get(f"{V2}/images/{image['id']}")).json()
    return shown


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [image["name"] for image in answer.json()["images"]]


async def staged(client: httpx.AsyncClient, data: bytes = DATA, **attributes: Any) -> str:
    image_id: str = (await register(client, **attributes))["id"]
    answer = await client.put(f"{V2}/images/{image_id}/stage", content=data, headers=OCTETS)
    assert answer.status_code == 204, answer.text
    return image_id


async def ask(client: httpx.AsyncClient, image_id: str, method: str = "glance-direct", **more: Any) -> Any:
    told = {key: more.pop(key) for key in ("uri", "glance_region", "glance_image_id") if key in more}
    body = {"method": {"name": method, **told}, **more}
    return await client.post(f"{V2}/images/{image_id}/import", json=body)


async def show(client: httpx.AsyncClient, image_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"{V2}/images/{image_id}")).json()
    return shown


async def task_of(client: httpx.AsyncClient, image_id: str) -> dict[str, Any]:
    tasks = (await client.get(f"{V2}/images/{image_id}/tasks")).json()["tasks"]
    return dict(tasks[-1])


def files(folder: Path) -> list[str]:
    """Return all files of all stores; of those with an image's bytes, named by the image."""
    kept = (path for path in folder.parent.glob("images*/**/*") if path.is_file())
    return sorted(path.relative_to(folder.parent).as_posix().partition(".")[0] for path in kept)


def file_of(folder: Path, image_id: str) -> Path:
    """Return the one file in a store that has an image's bytes."""
    [path] = folder.glob(f"{image_id}.*")
    return path
