import xml.etree.ElementTree as ET

import pytest

from cumulo.contracts.hypervisor import VolumeDisk
from cumulo.contracts.volumes import BlockAccess
from cumulo.core.drivers import Permanent
from cumulo.node.hypervisor.libvirt.volumes import (
    EXCHANGED,
    disk_element,
    disk_of,
    owner_of,
    place_of,
    secrets_of,
)


def disk(access: BlockAccess, **changes: object) -> VolumeDisk:
    return VolumeDisk(volume_id="v", access=access, device="vdb", **changes)  # type: ignore[arg-type]  free keywords


def element(access: BlockAccess) -> ET.Element:
    return disk_element("s", disk(access), "writeback")


def test_a_local_export_is_reached_by_its_socket():
    found = element(BlockAccess(protocol="nbd", path="/run/v.sock", name="v"))
    source = found.find("source")
    assert source is not None
    assert (found.get("type"), source.get("protocol"), source.get("name")) == ("network", "nbd", "v")
    assert source.find("host").attrib == {"transport": "unix", "socket": "/run/v.sock"}  # type: ignore[union-attr]
    assert found.find("target").attrib == {"dev": "vdb", "bus": "virtio"}  # type: ignore[union-attr]
    assert found.findtext("serial") == "v"


def test_an_export_of_another_host_is_encrypted_on_its_way():
    found = element(BlockAccess(protocol="nbd", hosts=(("10.0.0.1", 10809),), name="v", tls=True))
    source = found.find("source")
    assert source is not None
    assert source.get("tls") == "yes"
    assert source.find("host").attrib == {"name": "10.0.0.1", "port": "10809"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("protocol", "kind", "password"), [("rbd", "ceph", "aGlkZGVu"), ("iscsi", "iscsi", "hidden")]
)
def test_a_password_is_named_and_never_written(protocol: str, kind: str, password: str):
    access = BlockAccess(protocol=protocol, name="pool/v", hosts=(("m", 6789),), user="u", secret=password)
    found = element(access)
    auth = found.find("source/auth")
    assert auth is not None
    named = auth.find("secret")
    assert named is not None
    assert (auth.get("username"), named.get("type")) == ("u", kind)
    (secret,) = secrets_of("s", disk(access))
    assert named.get("uuid") == secret.id
    assert secret.value == b"hidden"
    assert password not in ET.tostring(found, encoding="unicode") + secret.definition() + repr(secret)


def test_secrets_say_whose_they_are():
    access = BlockAccess(protocol="file", path="/v", format="luks", passphrase="p")
    (secret,) = secrets_of("s", disk(access))
    assert owner_of("s", "v") in secret.definition()
    assert owner_of("s", "v").startswith(owner_of("s"))
    assert ET.tostring(element(access)).count(b'format="luks"') == 1


def test_limits_become_what_qemu_throttles_by():
    found = disk_element(
        "s", disk(BlockAccess(protocol="file", path="/v"), limits={"read_iops_sec": 7}), "none"
    )
    assert found.findtext("iotune/read_iops_sec") == "7"
    assert disk_element("s", disk(BlockAccess(protocol="file", path="/v")), "none").find("iotune") is None


def test_a_read_only_volume_stays_so():
    found = element(BlockAccess(protocol="file", path="/v", read_only=True))
    assert found.find("readonly") is not None


def test_an_unknown_way_is_refused():
    with pytest.raises(Permanent, match="carrier pigeon"):
        element(BlockAccess(protocol="carrier pigeon"))


def test_a_disk_is_found_by_the_volume_it_holds_since_it_was_exchanged():
    told = "".join(
        f"<c:disk device='{device}' serial='{serial}' volume='{volume}'/>"
        for device, serial, volume in (("vdb", "old", "new"), ("vdc", "gone", "other"))
    )
    disks = "".join(
        f"<disk><source file='/{device}'/><target dev='{device}'/><serial>{serial}</serial></disk>"
        for device, serial in (("vdb", "old"), ("vdc", "old"))
    )
    metadata = f"<metadata><c:disks xmlns:c='{EXCHANGED}'>{told}</c:disks></metadata>"
    definition = f"<domain>{metadata}<devices>{disks}</devices></domain>"
    for volume, place in (("new", "/vdb"), ("old", "/vdc")):
        found = disk_of(definition, volume)
        assert found is not None
        assert place in place_of(found)
    assert disk_of(definition, "other") is None


def test_a_place_is_the_same_word_whether_libvirt_names_the_port_or_not():
    access = BlockAccess(protocol="iscsi", name="iqn/1", hosts=(("h", 0),))
    named = BlockAccess(protocol="iscsi", name="iqn/1", hosts=(("h", 3260),))
    other = BlockAccess(protocol="iscsi", name="iqn/1", hosts=(("h", 3261),))
    assert place_of(element(access)) == place_of(element(named)) != place_of(element(other))
