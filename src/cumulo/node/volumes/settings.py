"""The settings of a host's pools: `[volumes.backends.NAME]`, each with the driver it is of."""

from typing import Annotated, ClassVar

import msgspec

from cumulo.core.config import Section

Positive = Annotated[float, msgspec.Meta(gt=0)]


class Backend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="driver"):
    """What every backend may say. pool: its pool's name in the API, `host@backend#pool`.

    max_over_subscription_ratio: how many times the room there is may be promised as thin volumes;
    reserved_percentage: of the room, to be left free.
    """

    pool: str = "volumes"
    max_over_subscription_ratio: Annotated[float, msgspec.Meta(ge=1)] = 20.0
    reserved_percentage: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0


class Served(Backend, frozen=True, kw_only=True):
    """A backend whose volumes storage daemons of this host export over NBD.

    listen: the address for servers on other hosts, empty: only Unix sockets of this host; then `ports`
    (first and last) are theirs, and `tls_folder` has ca-cert.pem, server-cert.pem and server-key.pem, and
    client-cert.pem and client-key.pem for reading volumes of other hosts.
    """

    listen: str = ""
    ports: tuple[int, int] = (10809, 12808)
    tls_folder: str = ""


class LocalBackend(Served, frozen=True, kw_only=True, tag="local"):
    """Files in a folder of this host. path: absolute, or in the state folder."""

    path: str = "volumes"


class NfsBackend(Served, frozen=True, kw_only=True, tag="nfs"):
    """Files on an NFS share, version 3, reached by QEMU's own client. path: below the export."""

    server: str
    export: str
    path: str = ""


class IscsiBackend(Backend, frozen=True, kw_only=True, tag="iscsi"):
    """Files in a folder of this host, exported by tgtd at `listen`, on a port each."""

    path: str = "iscsi-volumes"
    listen: str = "127.0.0.1"
    ports: tuple[int, int] = (13260, 15259)


class RbdBackend(Backend, frozen=True, kw_only=True, tag="rbd"):
    """Images in a pool of a Ceph cluster: `ceph_pool`, as `user`, whose key stands in the file `keyring`."""

    ceph_pool: str = "volumes"
    user: str = "cinder"
    conf: str = "/etc/ceph/ceph.conf"
    keyring: str = "/etc/ceph/ceph.client.cinder.keyring"


class FakeBackend(Backend, frozen=True, kw_only=True, tag="fake"):
    """Nothing but memory."""

    total_gib: Positive = 1000.0


AnyBackend = LocalBackend | NfsBackend | IscsiBackend | RbdBackend | FakeBackend


class VolumesSettings(Section, frozen=True, kw_only=True):
    """The `[volumes]` section. With no backend named, the host has one: `local`, in the state folder."""

    section: ClassVar[str] = "volumes"

    report_every: Positive = 10.0
    backends: dict[str, AnyBackend] = {}
