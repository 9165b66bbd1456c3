"""Everyday calls of the image API, for tests."""

from typing import Any

import httpx

V2 = "/image/v2"
OCTETS = {"Content-Type": "application/octet-stream"}


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
