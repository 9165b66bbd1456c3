"""Pools made from settings."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from cumulo.node.volumes.driver import PoolDriver, PoolName
from cumulo.node.volumes.fake import FakePool
from cumulo.node.volumes.files.exporting import Address
from cumulo.node.volumes.files.folder import Folder, LocalFolder
from cumulo.node.volumes.files.iscsi import Copying, TargetExporting
from cumulo.node.volumes.files.nfs import NfsFolder
from cumulo.node.volumes.files.pool import FilePool
from cumulo.node.volumes.rbd.cluster import Account, Cluster
from cumulo.node.volumes.rbd.pool import RbdPool
from cumulo.node.volumes.settings import (
    AnyBackend,
    FakeBackend,
    IscsiBackend,
    LocalBackend,
    NfsBackend,
    RbdBackend,
    Served,
    VolumesSettings,
)

DEFAULT = "local"


class Site(msgspec.Struct, frozen=True):
    """Where pools work on a host: its name, the state folder, and a short path for sockets."""

    host: str
    state: Path
    run: Path


def pools_of(settings: VolumesSettings, site: Site, *, engines: bool) -> dict[str, PoolDriver]:
    """Return the pools of a host by backend; all of them fakes when it has no engines."""
    backends: Mapping[str, AnyBackend] = settings.backends or {DEFAULT: LocalBackend()}
    return {
        name: _pool(name, backend if engines else FakeBackend(pool=backend.pool), site)
        for name, backend in backends.items()
    }


def _pool(backend: str, settings: AnyBackend, site: Site) -> PoolDriver:
    name = PoolName(
        host=site.host,
        backend=backend,
        pool=settings.pool,
        driver=str(settings.__struct_config__.tag),
        max_over_subscription_ratio=settings.max_over_subscription_ratio,
        reserved_percentage=settings.reserved_percentage,
    )
    if isinstance(settings, FakeBackend):
        return FakePool(site.host, backend, total_gib=settings.total_gib, pool=settings.pool)
    if isinstance(settings, RbdBackend):
        account = Account(user=settings.user, conf=settings.conf, keyring=settings.keyring)
        return RbdPool(name, Cluster(settings.ceph_pool, account), _fences(site, backend))
    if isinstance(settings, NfsBackend):
        share = NfsFolder(settings.server, settings.export, settings.path)
        return _file_pool(name, settings, share, site)
    if isinstance(settings, IscsiBackend):
        return _iscsi_pool(name, settings, site)
    return _file_pool(name, settings, LocalFolder(site.state / settings.path), site)


def _file_pool(name: PoolName, settings: Served, folder: Folder, site: Site) -> FilePool:
    address = Address(settings.listen, settings.ports, settings.tls_folder)
    run, fences = site.run / name.backend, _fences(site, name.backend)
    return FilePool(name=name, folder=folder, run=run, address=address, fences=fences)


def _iscsi_pool(name: PoolName, settings: IscsiBackend, site: Site) -> FilePool:
    return FilePool(
        name=name,
        folder=LocalFolder(site.state / settings.path),
        run=site.run / name.backend,
        address=Address(settings.listen, settings.ports),
        fences=_fences(site, name.backend),
        exporting=TargetExporting,
        making=Copying,
    )


def _fences(site: Site, backend: str) -> Path:
    return site.state / "node" / "volume-fences" / backend
