import json

import pytest

from cumulo.node.metadata import tree
from cumulo.testing.metadata import a_guest


def test_meta_data_has_what_cloud_init_reads():
    document = json.loads(tree.openstack(a_guest())["meta_data.json"])
    assert document["uuid"] == "0b7e3a52-93a4-4f1a-8b0e-6f2a1d9c7e11"
    assert document["hostname"] == document["name"] == "web"
    assert document["public_keys"] == {"mine": "ssh-ed25519 AAAA me"}
    assert document["keys"] == [{"name": "mine", "type": "ssh", "data": "ssh-ed25519 AAAA me"}]
    assert document["meta"] == {"role": "front"}
    assert document["availability_zone"] == "nova"
    assert "admin_pass" not in document


def test_a_guest_without_key_and_metadata_has_no_empty_ones():
    document = json.loads(tree.openstack(a_guest(keys={}, metadata={}))["meta_data.json"])
    assert not {"public_keys", "keys", "meta"} & document.keys()


def test_user_data_is_a_file_only_when_there_is_some():
    assert tree.openstack(a_guest())["user_data"] == b"#!/bin/sh\necho hello\n"
    assert "user_data" not in tree.openstack(a_guest(user_data=None))
    assert "user-data" not in tree.ec2(a_guest(user_data=None))
    assert tree.openstack(a_guest(user_data=b""))["user_data"] == b""


def test_a_folder_is_read_as_its_index():
    files = tree.ec2(a_guest())
    assert tree.read(files, "").split() == [b"meta-data/", b"user-data"]
    names = tree.read(files, "meta-data").split()
    assert {b"instance-id", b"hostname", b"placement/", b"public-keys/"} <= set(names)
    assert tree.read(files, "meta-data/public-keys/0") == b"openssh-key"
    with pytest.raises(tree.NoSuchFile):
        tree.read(files, "meta-data/nonsense")
    with pytest.raises(tree.NoSuchFile):
        tree.read(files, "meta-dat")


def test_ids_take_the_form_of_ec2():
    files = tree.ec2(a_guest())
    assert files["meta-data/instance-id"] == b"i-0b7e3a52"
    assert files["meta-data/ami-id"] == b"ami-5bd3f1a0"
    assert tree.ec2(a_guest(image_id=None))["meta-data/ami-id"] == b""


def test_a_config_drive_holds_both_trees_but_no_password():
    files = tree.config_drive(a_guest())
    assert files["openstack/latest/user_data"] == b"#!/bin/sh\necho hello\n"
    assert json.loads(files["openstack/latest/meta_data.json"])["name"] == "web"
    assert files["openstack/2018-08-27/user_data"] == b"#!/bin/sh\necho hello\n"
    facts = json.loads(files["ec2/latest/meta-data.json"])
    assert facts["public-keys"]["0"]["openssh-key"] == "ssh-ed25519 AAAA me"
    assert not [name for name in files if name.endswith("password")]
