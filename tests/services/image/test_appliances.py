"""Appliances: what an OVA becomes, and what is refused of it."""

import io
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.services.image.appliances import OVF, members, pack
from tests.services.image.catalogue import V2, active, file_of

from cumulo.core.db import Database
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.inspection.appliances import read_appliance
from cumulo.services.image.inspection.signatures import ContentMismatch, Malformed
from cumulo.testing.cloud import Cloud


@pytest.fixture
def settings() -> ImageSettings:
    return ImageSettings()


async def turn(client: httpx.AsyncClient, data: bytes, **body: Any) -> tuple[str, httpx.Response]:
    image = await active(client, data, container_format="ova", disk_format="raw")
    return image["id"], await client.post(f"{V2}/images/{image['id']}/appliance", json=body)


async def test_an_appliance_becomes_images_a_flavor_and_ports(cloud: Cloud, tmp_path: Path, folder: Path):
    member = cloud.member("p1")
    files = members(tmp_path)
    ova, answer = await turn(member, pack(files))
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert made["flavor"] == {"name": "The Box", "vcpus": 2, "ram": 512, "disk": 3}
    port = {"name": "Ethernet 1", "network": "VM Network", "mac_address": "52:54:00:aa:bb:cc"}
    assert made["ports"] == [port]
    assert [(image["name"], image["disk_format"]) for image in made["images"]] == [
        ("The Box", "vmdk"),
        ("The Box disk 2", "qcow2"),
    ]
    await cloud.settle()
    shown = [(await member.get(f"{V2}/images/{image['id']}")).json() for image in made["images"]]
    assert [image["status"] for image in shown] == ["active", "active"]
    assert [image["virtual_size"] for image in shown] == [8 << 20, 8 << 20]
    assert (shown[0]["min_disk"], shown[0]["min_ram"]) == (3, 512)
    assert (shown[0]["hw_disk_bus"], shown[0]["hw_vif_model"]) == ("scsi", "e1000")
    for image, name in zip(shown, ("disk1.vmdk", "disk2.qcow2"), strict=True):
        assert file_of(folder, image["id"]).read_bytes() == files[name]
    task = (await member.get(f"{V2}/images/{ova}/tasks")).json()["tasks"][0]
    assert (task["type"], task["status"]) == ("appliance_import", "success")
    assert task["result"] == {"images": [image["id"] for image in shown]}
    assert not [path for path in (folder / "staging").rglob("*") if path.is_file()]


async def test_a_disk_that_is_not_the_manifests_fails_all(cloud: Cloud, tmp_path: Path, folder: Path):
    member = cloud.member("p1")
    files = members(tmp_path)
    files["disk2.qcow2"] = files["disk2.qcow2"][:-1] + b"x"
    ova, answer = await turn(member, pack(files), name="mine")
    made = answer.json()
    assert made["images"][0]["name"] == "mine"
    await cloud.settle()
    for image in made["images"]:
        assert (await member.get(f"{V2}/images/{image['id']}")).status_code == 404
    task = (await member.get(f"{V2}/images/{ova}/tasks")).json()["tasks"][0]
    assert (task["status"], "manifest" in task["message"]) == ("failure", True)
    assert [path for path in folder.rglob("*") if path.is_file()] == [file_of(folder, ova)]


async def test_a_hostile_disk_in_an_appliance_is_refused(cloud: Cloud, tmp_path: Path):
    member = cloud.member("p1")
    files = members(tmp_path)
    del files["box.mf"]
    files["disk1.vmdk"] = b'# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n'
    ova, answer = await turn(member, pack(files))
    assert answer.status_code == 202
    await cloud.settle()
    task = (await member.get(f"{V2}/images/{ova}/tasks")).json()["tasks"][0]
    assert (task["status"], "other files" in task["message"]) == ("failure", True)


async def test_only_an_active_ova_is_an_appliance(cloud: Cloud):
    member = cloud.member("p1")
    image = await active(member)
    assert (await member.post(f"{V2}/images/{image['id']}/appliance", json={})).status_code == 409
    _, answer = await turn(member, pack({"box.ovf": b"<Envelope/>"}))
    assert (answer.status_code, "virtual system" in answer.text) == (415, True)


def changed(old: str, new: str) -> str:
    assert old in OVF
    return OVF.replace(old, new, 1)


HOSTILE = {
    "entities": ('<?xml version="1.0"?>', '<!DOCTYPE x [<!ENTITY a "b">]>', "document type"),
    "no XML": ("</Envelope>", "", "no XML"),
    "a file elsewhere": ('href="disk1.vmdk"', 'href="../../etc/shadow"', "not in its archive"),
    "a file that is missing": ('href="disk1.vmdk"', 'href="disk9.vmdk"', "not in its archive"),
    "a disk twice": ("ovf:/disk/vmdisk2", "ovf:/disk/vmdisk1", "twice"),
    "a file for two disks": ('fileRef="file2"', 'fileRef="file1"', "for two"),
    "a disk beyond all numbers": ("byte * 2^30", "byte * 2^99", "more disk"),
    "memory beyond all numbers": ("byte * 2^20<", "byte * 2^99<", "more memory"),
    "processors beyond all numbers": (
        "<rasd:VirtualQuantity>2<",
        f"<rasd:VirtualQuantity>{'9' * 18}<",
        "more processors",
    ),
    "an unknown disk": ("ovf:/disk/vmdisk1", "ovf:/disk/none", "not described"),
    "a compressed disk": ('ovf:id="file1"', 'ovf:id="file1" ovf:compression="gzip"', "compressed"),
    "a disk in pieces": ('ovf:id="file1"', 'ovf:id="file1" ovf:chunkSize="9"', "in pieces"),
    "a parent": ('ovf:diskId="vmdisk1"', 'ovf:diskId="vmdisk1" ovf:parentRef="x"', "parent"),
    "no system": ("VirtualSystem ", "VirtualSystems ", "virtual system|no XML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_descriptor_is_refused_with_a_reason(tmp_path: Path, name: str):
    old, new, reason = HOSTILE[name]
    with pytest.raises(Malformed, match=reason):
        read_appliance(io.BytesIO(pack(members(tmp_path, changed(old, new)))))


def link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("disk1.vmdk")
    info.type, info.linkname = kind, "/etc/shadow"
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
def test_an_archive_holds_plain_files_only(kind: bytes):
    pairs = [(tarfile.TarInfo("box.ovf"), OVF.encode()), (link(kind), b"")]
    with pytest.raises(Malformed, match="plain files"):
        read_appliance(io.BytesIO(pack(pairs)))


def test_an_archive_is_cut_off_or_has_too_many_members(tmp_path: Path):
    whole = pack(members(tmp_path))
    with pytest.raises((Malformed, ContentMismatch)):
        read_appliance(io.BytesIO(whole[: len(whole) // 3]))
    with pytest.raises(Malformed, match="too many"):
        read_appliance(io.BytesIO(pack({"box.ovf": OVF.encode()} | {f"f{n}": b"" for n in range(99)})))


def test_a_machine_may_be_told_in_other_words(tmp_path: Path):
    words = changed("byte * 2^20", "MegaBytes").replace("<Name>The Box</Name>", "")
    found = read_appliance(io.BytesIO(pack(members(tmp_path, words))))
    assert (found.name, found.memory, found.cpus) == ("box", 512, 2)
    assert (found.disks[1].capacity, found.disks[1].bus) == (8 << 20, "")


async def test_an_appliance_counts_against_the_quota(cloud: Cloud, tmp_path: Path, unified: dict[str, int]):
    unified["image_count_total"] = 2
    _, answer = await turn(cloud.member("p1"), pack(members(tmp_path)))
    assert answer.status_code == 413


async def test_images_of_an_appliance_deleted_meanwhile_fail_it(
    cloud: Cloud, tmp_path: Path, folder: Path, database: Database
):
    member = cloud.member("p1")
    async with cloud.idle():
        ova, answer = await turn(member, pack(members(tmp_path)))
        first = answer.json()["images"][0]["id"]
        await member.delete(f"{V2}/images/{first}")
    await cloud.settle()
    task = (await member.get(f"{V2}/images/{ova}/tasks")).json()["tasks"][0]
    assert task["status"] == "failure"
    assert [path for path in folder.rglob("*") if path.is_file()] == [file_of(folder, ova)]
