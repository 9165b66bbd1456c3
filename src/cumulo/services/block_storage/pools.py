"""Reaching the pools, and what they are told of a volume."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import msgspec

from cumulo.contracts.volumes import BlockAccess, VolumePool, VolumeSpec
from cumulo.core.bus import Bus, remote
from cumulo.core.db import Reader
from cumulo.core.drivers import Permanent, Temporary
from cumulo.core.errors import Unavailable
from cumulo.services.block_storage.keys import CIPHER, KEY_SIZE, Use, VolumeKeys, passphrase
from cumulo.services.block_storage.model import Volume, VolumeAttachment, VolumeType

P = TypeVar("P")
PATIENCE = 2.0  # seconds until a pool that does not answer is asked again
LONGEST = 4 * 3600.0  # seconds that copying a volume may take
QUICK = 600.0  # seconds that everything else may take
TRIES = 30  # so that a host has a minute to come back
VERBS = "pool"
COPY = "copy-"  # before a new volume's id: the export that it is copied from
THICK = "thick"


class Uses(Protocol):
    """What gives bindings: a run of a saga, a request."""

    def use(self, contract: type[P]) -> P:
        """Return what is bound to a type."""


def service_of(host: str) -> str:
    """Return of a pool's name, `host@backend#pool`, what the bus knows it by: `host@backend`."""
    return host.partition("#")[0]


def pool_at(work: Uses, host: str, *, timeout: float = LONGEST) -> VolumePool:
    """Return a pool, wherever it is."""
    return remote(work.use(Bus), service_of(host), VolumePool, timeout=timeout, prefix=VERBS)


@asynccontextmanager
async def reaching(run: Uses, host: str, *, longest: float = QUICK) -> AsyncIterator[VolumePool]:
    """Give a pool. That it does not answer is Temporary, for it may just be starting; not ending is not."""
    try:
        async with asyncio.timeout(longest):
            yield pool_at(run, host, timeout=longest)
    except TimeoutError as error:
        raise Permanent(f"backend {service_of(host)} did not finish in {longest / 60:.0f} minutes") from error
    except Unavailable as error:
        raise Temporary(f"backend {service_of(host)} does not answer", retry_in=PATIENCE) from error


async def specs_of(db: Reader, type_id: str | None) -> Mapping[str, str]:
    """Return a type's extra specs."""
    kind = await db.get(VolumeType, type_id) if type_id is not None else None
    return {} if kind is None else kind.extra_specs


async def spec_of(db: Reader, use: Use, volume: Volume, type_id: str | None = None) -> VolumeSpec:
    """Return what a pool must know of a volume, as it is or, with `type_id`, as it will be."""
    extra = await specs_of(db, type_id or volume.volume_type_id)
    thick = extra.get("provisioning:type", "").lower() == THICK
    secret = passphrase(use(VolumeKeys), volume) if volume.encrypted else ""
    return VolumeSpec(
        volume_id=volume.id,
        size_gib=volume.size,
        provisioning=THICK if thick else "thin",
        cipher=(volume.cipher or CIPHER) if secret else "",
        key_bits=volume.key_size or KEY_SIZE,
        passphrase=secret,
        options=dict(extra),
    )


def opened(access: BlockAccess, use: Use, volume: Volume) -> BlockAccess:
    """Return the access to a volume, with what opens an encrypted one."""
    if not volume.encrypted:
        return access
    secret = passphrase(use(VolumeKeys), volume)
    return msgspec.structs.replace(access, format="luks", passphrase=secret)


def access_of(keys: VolumeKeys, attachment: VolumeAttachment) -> BlockAccess | None:
    """Return how an attachment's export is reached; None while nothing is exported."""
    if attachment.sealed_access is None:
        return None
    text = keys.open_bytes(attachment.sealed_access, attachment.id.encode())
    return msgspec.json.decode(text, type=BlockAccess)


def shown(access: BlockAccess, *, secrets: bool) -> dict[str, Any]:
    """Return an access as the API's `connection_info`; passphrases never, other secrets only if asked."""
    data: dict[str, Any] = {
        "access_mode": "ro" if access.read_only else "rw",
        "path": access.path or None,
        "name": access.name or None,
        "hosts": [host for host, _ in access.hosts],
        "ports": [str(port) for _, port in access.hosts],
        "format": access.format,
        "tls": access.tls,
        "auth_username": access.user or None,
        "encrypted": access.format == "luks",
        "discard": False,
        "qos_specs": None,
    }
    if secrets:
        data["auth_password"] = access.secret or None
    return {"driver_volume_type": access.protocol, "data": data}
