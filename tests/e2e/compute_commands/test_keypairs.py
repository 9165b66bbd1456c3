"""Keypairs by the official client."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def public_key() -> str:
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_a_keypair_is_taken_from_a_file_and_shown(me, name, tmp_path):
    pair, file = name("key"), tmp_path / "key.pub"
    file.write_text(public_key())
    made = me.json("keypair create", pair, "--public-key", str(file), "--type", "ssh")
    assert (made["name"], made["type"], made["fingerprint"].count(":")) == (pair, "ssh", 15)
    assert me("keypair show", pair, "--public-key").strip() == file.read_text()
    assert pair in [row["Name"] for row in me.json("keypair list")]
    me("keypair delete", pair)
    assert "No Keypair found" in me.refused("keypair show", pair)


def test_a_keypair_is_made_by_the_client_and_its_secret_kept_in_a_file(me, name, tmp_path):
    pair, file = name("key"), tmp_path / "key"
    me("keypair create", pair, "--private-key", str(file))
    assert "PRIVATE KEY" in file.read_text()
    assert "already exists" in me.refused("keypair create", pair)
    me("keypair delete", pair)


def test_an_administrator_keeps_keypairs_of_others(admin, me, name, tmp_path):
    pair, file = name("key"), tmp_path / "key.pub"
    file.write_text(public_key())
    admin("keypair create", pair, "--public-key", str(file), "--user", "me", "--user-domain", "Default")
    assert pair in [row["Name"] for row in me.json("keypair list")]
    assert admin.json("keypair show", pair, "--user", "me", "--user-domain", "Default")["name"] == pair
    assert pair in [
        row["Name"] for row in admin.json("keypair list", "--user", "me", "--user-domain", "Default")
    ]
    listed = admin.json("keypair list", "--project", "me", "--project-domain", "Default")
    assert pair in [row["Name"] for row in listed]
    assert pair not in [row["Name"] for row in admin.json("keypair list")]
    me.refused("keypair list", "--user", "admin")
    admin("keypair delete", pair, "--user", "me", "--user-domain", "Default")
    assert pair not in [row["Name"] for row in me.json("keypair list")]


def test_keypairs_are_listed_in_pages(me, name, tmp_path):
    file = tmp_path / "key.pub"
    file.write_text(public_key())
    pairs = sorted(name("page") for _ in range(3))
    for pair in pairs:
        me("keypair create", pair, "--public-key", str(file))
    every = [row["Name"] for row in me.json("keypair list")]
    assert [row["Name"] for row in me.json("keypair list", "--limit", "2")] == every
    assert [row["Name"] for row in me.json("keypair list", "--limit", "2", "--max-items", "2")] == every[:2]
    assert [row["Name"] for row in me.json("keypair list", "--marker", every[0])] == every[1:]
    me("keypair delete", *pairs)
