"""The two trees of files that a guest may read, rendered from one record.

EC2's tree is the one of its 2009-04-04 version; OpenStack's is described by Nova's metadata
documentation (`meta_data.json`, `network_data.json`, ...). Every version of a tree gives the newest
content: additions never broke a reader. The metadata server and the config drive share these
functions.
"""

import base64
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from cumulo.contracts.compute import GuestMetadata

EC2_VERSIONS = ("1.0", "2009-04-04", "latest")
OPENSTACK_VERSIONS = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "latest",
)
SEED_BYTES = 512  # of entropy for a guest that has none of its own yet

Tree = Mapping[str, bytes]  # path without a leading slash → content


class NoSuchFile(Exception):
    """The tree has no such file or folder."""


def read(tree: Tree, path: str) -> bytes:
    """Return a file's content, or a folder's index: one name a line, folders with a slash."""
    if path in tree:
        return tree[path]
    prefix = f"{path}/" if path else ""
    inside = [name.removeprefix(prefix) for name in tree if name.startswith(prefix)]
    if not inside:
        raise NoSuchFile(path)
    entries = dict.fromkeys(_entry(name) for name in inside)
    return "\n".join(entries).encode()


def _entry(name: str) -> str:
    first, slash, _ = name.partition("/")
    return first + slash


def openstack(guest: GuestMetadata) -> dict[str, bytes]:
    """Return the files of one version of OpenStack's tree."""
    files = {
        "meta_data.json": _json(meta_data(guest)),
        "network_data.json": _json(guest.network_data),
        "password": (guest.password or "").encode(),
        "vendor_data.json": b"{}",
        "vendor_data2.json": b"{}",
    }
    if guest.user_data is not None:
        files["user_data"] = guest.user_data
    return files


def openstack_file(guest: GuestMetadata, path: str) -> bytes:
    """Return a file below OpenStack's tree, or a folder's index. NoSuchFile."""
    version, _, name = path.partition("/")
    if version == "content":
        return read(contents(guest), path)
    if version not in OPENSTACK_VERSIONS:
        raise NoSuchFile(path)
    return read(openstack(guest), name)


def meta_data(guest: GuestMetadata) -> dict[str, Any]:
    """Return OpenStack's `meta_data.json`."""
    document: dict[str, Any] = {
        "uuid": guest.server_id,
        "name": guest.name,
        "hostname": guest.hostname,
        "launch_index": guest.launch_index,
        "availability_zone": guest.availability_zone,
        "project_id": guest.project_id,
        "devices": list(guest.devices),
        "dedicated_cpus": [],
        "random_seed": base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode(),
    }
    if guest.files:
        listed = zip(guest.files, contents(guest), strict=True)
        document["files"] = [{"path": path, "content_path": f"/{name}"} for (path, _), name in listed]
    if guest.metadata:
        document["meta"] = dict(guest.metadata)
    if guest.keys:
        document["public_keys"] = dict(guest.keys)
        document["keys"] = [{"name": name, "type": "ssh", "data": key} for name, key in guest.keys.items()]
    if guest.admin_password is not None:
        document["admin_pass"] = guest.admin_password
    return document


def contents(guest: GuestMetadata) -> dict[str, bytes]:
    """Return what `meta_data.json` lists as files: beside the versions, as `content/0000` and so on."""
    return {f"content/{index:04}": content for index, (_, content) in enumerate(guest.files)}


def ec2(guest: GuestMetadata) -> dict[str, bytes]:
    """Return the files of one version of EC2's tree."""
    files = {f"meta-data/{name}": text.encode() for name, text in _ec2_facts(guest).items()}
    for index, key in enumerate(guest.keys.values()):
        files[f"meta-data/public-keys/{index}/openssh-key"] = key.encode()
    if guest.user_data is not None:
        files["user-data"] = guest.user_data
    return files


def ec2_keys(guest: GuestMetadata) -> bytes:
    """Return the index of `public-keys`, which is unlike any other: `NUMBER=NAME` a line."""
    return "\n".join(f"{index}={name}" for index, name in enumerate(guest.keys)).encode()


def _ec2_facts(guest: GuestMetadata) -> dict[str, Any]:
    image = _short("ami", guest.image_id) if guest.image_id else ""
    return {
        "ami-id": image,
        "ami-launch-index": str(guest.launch_index),
        "ami-manifest-path": "",
        "block-device-mapping/ami": "vda",
        "block-device-mapping/root": "/dev/vda",
        "hostname": guest.hostname,
        "instance-action": "none",
        "instance-id": _short("i", guest.server_id),
        "instance-type": guest.flavor_name,
        "local-hostname": guest.hostname,
        "local-ipv4": guest.local_address or "",
        "placement/availability-zone": guest.availability_zone,
        "public-hostname": guest.hostname,
        "public-ipv4": guest.public_address or "",
        "reservation-id": guest.reservation_id,
        "security-groups": "\n".join(guest.security_groups),
    }


def _short(kind: str, id_: str) -> str:
    """Return an id in EC2's form, from the first 8 hexadecimal digits of ours."""
    return f"{kind}-{id_.replace('-', '')[:8]}"


def config_drive(guest: GuestMetadata) -> dict[str, bytes]:
    """Return the files of a config drive: both trees, in each version that readers ask for."""
    files = {}
    for version in OPENSTACK_VERSIONS:
        for name, content in openstack(guest).items():
            if name != "password":
                files[f"openstack/{version}/{name}"] = content
    files |= {f"openstack/{name}": content for name, content in contents(guest).items()}
    facts = _ec2_facts(guest) | {"public-keys": _indexed(guest.keys)}
    for version in EC2_VERSIONS[1:]:
        files[f"ec2/{version}/meta-data.json"] = _json(facts)
        if guest.user_data is not None:
            files[f"ec2/{version}/user-data"] = guest.user_data
    return files


def _indexed(keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        str(index): {"_name": f"{index}={name}", "openssh-key": key}
        for index, (name, key) in enumerate(keys.items())
    }


def _json(document: Any) -> bytes:
    return msgspec.json.encode(document)
