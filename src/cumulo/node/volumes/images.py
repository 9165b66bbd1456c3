"""What qemu-img needs to reach a device, secrets by memory only, and what is done with it.

A secret is a file in memory that the program inherits; QEMU reads it as /proc/self/fd/N.
"""

import asyncio
import base64
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from cumulo.contracts.volumes import BlockAccess, Extent, VolumeSpec
from cumulo.core.drivers import Permanent, Unsupported
from cumulo.node.commands import Limits, run

COPY_HOURS = 12
_LOOKING = 60  # processor seconds to understand an image's header, however large the image
_MEMORY, _CEPH_MEMORY = 2 << 30, 8 << 30  # bytes of address space; Ceph's library has many threads
_ISCSI_PORT = 3260


class Target(msgspec.Struct, frozen=True):
    """What is written to. options: QEMU's of the image without encryption, given where secrets are kept."""

    options: "Callable[[Secrets], Mapping[str, Any]]"
    reads_zeroes: bool = False  # so that zeroes need not be written


class Secrets:
    """Secrets for one process: file descriptors that it inherits, and the arguments that name them."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        self.words: list[str] = []

    def add(self, value: str) -> str:
        """Keep a secret; return the id of the object that QEMU knows it by."""
        return self.add_encoded(base64.b64encode(value.encode()))

    def add_encoded(self, value: bytes) -> str:
        """Keep a secret whose bytes are given in base64, as cephx keys are."""
        descriptor = os.memfd_create("secret", os.MFD_CLOEXEC)
        self.descriptors.append(descriptor)
        os.write(descriptor, value)
        name = f"secret{len(self.descriptors)}"
        file = f"/proc/self/fd/{descriptor}"
        self.words += ["--object", f"secret,id={name},format=base64,file={file}"]
        return name

    def close(self) -> None:
        """Forget them."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@contextlib.contextmanager
def secrets() -> Iterator[Secrets]:
    """Give a place for one process's secrets."""
    kept = Secrets()
    try:
        yield kept
    finally:
        kept.close()


def options_of(access: BlockAccess, kept: Secrets, tls_folder: str = "") -> dict[str, Any]:
    """Return QEMU's options (`BlockdevOptions`) of a device, with its format."""
    make = _PROTOCOLS.get(access.protocol)
    if make is None:
        raise Unsupported(f"a device reached by {access.protocol} cannot be read")
    options: dict[str, Any] = {"driver": access.format, "file": make(access, kept)}
    if access.tls:
        words = f"tls-creds-x509,id=tls,dir={tls_folder},endpoint=client,verify-peer=on"
        kept.words += ["--object", words]
    if access.format == "luks":
        options["key-secret"] = kept.add(access.passphrase)
    return options


def _file(access: BlockAccess, kept: Secrets) -> dict[str, Any]:
    del kept
    return {"driver": "file", "filename": access.path}


def _nbd(access: BlockAccess, kept: Secrets) -> dict[str, Any]:
    del kept
    server: dict[str, Any] = {"type": "unix", "path": access.path}
    if not access.path:
        server = _server(access)
    tls = {"tls-creds": "tls"} if access.tls else {}
    return {"driver": "nbd", "server": server, "export": access.name, "reconnect-delay": 10, **tls}


def _iscsi(access: BlockAccess, kept: Secrets) -> dict[str, Any]:
    target, _, lun = access.name.rpartition("/")
    host, port = access.hosts[0]
    auth = {"user": access.user, "password-secret": kept.add(access.secret)} if access.secret else {}
    portal = f"{host}:{port or _ISCSI_PORT}"
    return {
        "driver": "iscsi",
        "transport": "tcp",
        "portal": portal,
        "target": target,
        "lun": int(lun),
        **auth,
    }


def _rbd(access: BlockAccess, kept: Secrets) -> dict[str, Any]:
    pool, _, image = access.name.partition("/")
    image, _, snapshot = image.partition("@")
    servers = [{"host": host, "port": str(port)} for host, port in access.hosts]
    options: dict[str, Any] = {"driver": "rbd", "pool": pool, "image": image, "server": servers}
    if snapshot:
        options["snapshot"] = snapshot
    if access.secret:
        options |= {"user": access.user, "key-secret": kept.add_encoded(access.secret.encode())}
    return options


def _nfs(access: BlockAccess, kept: Secrets) -> dict[str, Any]:
    del kept
    server = {"type": "inet", "host": access.hosts[0][0]}
    return {"driver": "nfs", "server": server, "path": access.name}


def _server(access: BlockAccess) -> dict[str, Any]:
    host, port = access.hosts[0]
    return {"type": "inet", "host": host, "port": str(port)}


_PROTOCOLS = {"file": _file, "nbd": _nbd, "iscsi": _iscsi, "rbd": _rbd, "nfs": _nfs}


def written(options: Mapping[str, Any]) -> str:
    """Return options as --image-opts takes them: names with dots, commas in values doubled."""
    return ",".join(f"{name}={value.replace(',', ',,')}" for name, value in _flat(options))


def _flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield from _flat({str(number): one for number, one in enumerate(value)}, f"{prefix}{name}.")
        else:
            yield prefix + name, str(value)


async def size_of(source: BlockAccess, tls_folder: str = "") -> int:
    """Return how many bytes of content a device or image has. Permanent for one that names other files."""
    with secrets() as kept:
        options = written(options_of(source, kept, tls_folder))
        words = ("qemu-img", "info", "--output=json", *kept.words, "--image-opts")
        said = await run(*words, options, limits=_limits(options, _LOOKING), keep=kept.descriptors)
    info = msgspec.json.decode(said)
    data = info.get("format-specific", {}).get("data", {})
    if "backing-filename" in info or (isinstance(data, dict) and "data-file" in data):
        raise Permanent("the image refers to another file")
    return int(info["virtual-size"])


async def copy(source: BlockAccess, target: Target, spec: VolumeSpec, tls_folder: str = "") -> None:
    """Write a device's content to a target that is large enough, encrypted if the spec says so.

    An encrypted target has its header already.
    """
    with secrets() as kept:
        read = written(options_of(source, kept, tls_folder))
        options: dict[str, Any] = dict(target.options(kept))
        if spec.cipher:
            options = {"driver": "luks", "key-secret": kept.add(spec.passphrase), "file": options}
        skipping = ("--target-is-zero",) if target.reads_zeroes and not spec.cipher else ()
        words = ("qemu-img", "convert", "-n", "-t", "writeback", *skipping, *kept.words)
        ends = ("--image-opts", "--target-image-opts", read, written(options))
        limits = _limits(" ".join(ends), COPY_HOURS * 3600)
        await run(*words, *ends, seconds=COPY_HOURS * 3600, limits=limits, keep=kept.descriptors)


async def data_extents(source: BlockAccess) -> list[Extent]:
    """Return where a device holds data, in order, neighbours as one."""
    with secrets() as kept:
        options = written(options_of(source, kept))
        words = ("qemu-img", "map", "--output=json", *kept.words, "--image-opts", options)
        limits = _limits(options, COPY_HOURS * 3600)
        said = await run(*words, seconds=600, limits=limits, keep=kept.descriptors)
    return await asyncio.to_thread(_joined, said)  # a guest may have made millions of them


class _Piece(msgspec.Struct):
    """A part of a device, as `qemu-img map` tells of it."""

    start: int
    length: int
    data: bool
    zero: bool


def _joined(said: str) -> list[Extent]:
    found: list[Extent] = []
    for piece in msgspec.json.decode(said, type=list[_Piece]):
        if not piece.data or piece.zero:
            continue
        offset, length = piece.start, piece.length
        if found and found[-1].offset + found[-1].length == offset:
            last = found.pop()
            offset, length = last.offset, last.length + length
        found.append(Extent(offset=offset, length=length))
    return found


def _limits(options: str, seconds: int) -> Limits:
    """Return what qemu-img may use at most for devices with these options."""
    return Limits(memory=_CEPH_MEMORY if "driver=rbd" in options else _MEMORY, seconds=seconds)
