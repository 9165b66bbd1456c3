"""The image service's settings, section `[image]`."""

import ipaddress
import re
from typing import ClassVar

import msgspec

from cumulo.core.config import Section

FIRST_STORE = "file"
RBD = "rbd"
SHA512 = "sha512"
ALGORITHMS = {64: "sha256", 96: "sha384", 128: SHA512}
"""What images may be hashed with besides MD5, by the number of hexadecimal digits that tells them apart."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[image.stores.NAME]`: one more folder for images, or a pool of a Ceph cluster.

    driver: `file` or `rbd`. weight: the heavier, the earlier it is named and read from. Of a folder: path,
    absolute or beside the first store's. Of RBD: ceph_pool, which holds nothing else, as `user`, whose key
    stands in the file `keyring`, in the cluster that the file `conf` describes.
    """

    driver: str = FIRST_STORE
    path: str = ""
    ceph_pool: str = ""
    user: str = "glance"
    conf: str = "/etc/ceph/ceph.conf"
    keyring: str = ""
    description: str = ""
    weight: int = 0

    def __post_init__(self) -> None:
        """Refuse a driver that there is not, and one without what it needs."""
        if self.driver not in (FIRST_STORE, RBD):
            raise ValueError(f"there is no driver {self.driver}; there are {FIRST_STORE} and {RBD}")
        if self.driver == RBD and not (self.ceph_pool and self.keyring):
            raise ValueError("a store of driver rbd needs ceph_pool and keyring")


class PropertyRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[image.protected_properties]]`: who may do what with properties whose name matches.

    pattern: a regular expression for the whole name. create, read, update, delete: roles, or `@` for
    everybody; empty for nobody.
    """

    pattern: str
    create: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a pattern that is none."""
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"{self.pattern!r} is no regular expression: {error}") from error


class ImageSettings(Section, frozen=True):
    """What an operator may choose.

    size_limit: bytes of data that one image may have; virtual_size_limit: bytes of the disk that it may
    describe. upload_silence: seconds after which an upload that says nothing counts as dead.
    hashing_algorithm: what data is hashed with besides MD5, as `os_hash_algo` tells: sha256, sha384, sha512;
    processors that have instructions for SHA-256 are done with that in a third of the time.
    default_store: where data goes when nobody says; empty: the cloud's own, `file`.
    convert_to: format that imported disks are converted to; empty leaves them. download_*: what an import
    from the web may reach: besides public addresses only `download_networks`, of `download_hosts` when any
    are named, within `download_seconds`. region: what this cloud is called where one image is made from
    another. task_hours: for how long finished tasks are shown. cache_limit: bytes that prunings leave in the
    cache. The rules on protected properties count from the first that matches.
    """

    section: ClassVar[str] = "image"
    size_limit: int = 1 << 40
    virtual_size_limit: int = 16 << 40
    upload_silence: float = 30.0
    tag_limit: int = 128
    property_limit: int = 128
    member_limit: int = 128
    hashing_algorithm: str = SHA512
    default_store: str = ""
    store_description: str = "Files of this machine"
    store_weight: int = 0
    stores: dict[str, StoreSettings] = {}
    convert_to: str = ""
    convert_seconds: int = 3600
    convert_memory: int = 4 << 30  # address space, of which threads reserve much and touch little
    region: str = "RegionOne"
    download_schemes: tuple[str, ...] = ("http", "https")
    download_ports: tuple[int, ...] = (80, 443)
    download_networks: tuple[str, ...] = ()
    download_hosts: tuple[str, ...] = ()
    download_redirects: int = 5
    download_seconds: int = 3600
    task_hours: int = 48
    cache_limit: int = 10 << 30
    protected_properties: tuple[PropertyRule, ...] = ()

    def __post_init__(self) -> None:
        """Refuse networks that are none, and names of stores and formats that there are not."""
        for text in self.download_networks:
            ipaddress.ip_network(text)
        if self.hashing_algorithm not in ALGORITHMS.values():
            raise ValueError(
                f"images are hashed with one of {list(ALGORITHMS.values())}, not {self.hashing_algorithm}"
            )
        if self.default_store not in ("", FIRST_STORE, *self.stores):
            raise ValueError(f"there is no store {self.default_store}")
        if FIRST_STORE in self.stores:
            raise ValueError(f"the store {FIRST_STORE} is always there; name yours otherwise")
        if self.convert_to not in ("", "raw", "qcow2"):
            raise ValueError(f"nothing can be converted to {self.convert_to}; only to raw and qcow2")
