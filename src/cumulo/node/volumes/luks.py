"""Headers of new LUKS volumes (LUKS On-Disk Format Specification 1.2.3), which QEMU opens.

They are made here because `qemu-img create` measures the processor for seconds, and fails on a busy one.
Passphrases are random keys that the service made, so their derivation need not be slow.
"""

import hashlib
import os
import struct
import uuid

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import XTS

from cumulo.contracts.volumes import VolumeSpec
from cumulo.core.drivers import Permanent

CIPHER = "aes-xts-plain64"
ITERATIONS = 50_000
_SECTOR = 512
_STRIPES = 4000
_SLOTS = 8
_ALIGNMENT = 8  # sectors
_ACTIVE, _FREE = 0x00AC71F3, 0x0000DEAD
_DIGEST_LENGTH = 20
_HASH = "sha256"
_HEADER = struct.Struct(">6sH32s32s32sII20s32sI40s")
_SLOT = struct.Struct(">II32sII")


def header(spec: VolumeSpec) -> bytes:
    """Return all that lies before the content of a new volume; nothing when it is not to be encrypted."""
    if not spec.cipher:
        return b""
    if spec.cipher != CIPHER or spec.key_bits not in {256, 512}:
        raise Permanent(
            f"{spec.cipher} with {spec.key_bits} bits is not supported, only {CIPHER} with 256 or 512"
        )
    length = spec.key_bits // 8
    master = os.urandom(length)
    room = -(-length * _STRIPES // (_SECTOR * _ALIGNMENT)) * _ALIGNMENT  # sectors of a slot's material
    slots_at = [_ALIGNMENT + number * room for number in range(_SLOTS)]
    payload_at = _ALIGNMENT + _SLOTS * room
    salt, slot_salt = os.urandom(32), os.urandom(32)
    digest = hashlib.pbkdf2_hmac(_HASH, master, salt, ITERATIONS, _DIGEST_LENGTH)
    name = str(uuid.uuid4()).encode()
    text = _HEADER.pack(
        *(b"LUKS\xba\xbe", 1, b"aes", b"xts-plain64", _HASH.encode()),
        *(payload_at, length, digest, salt, ITERATIONS, name),
    )
    text += _SLOT.pack(_ACTIVE, ITERATIONS, slot_salt, slots_at[0], _STRIPES)
    for at in slots_at[1:]:
        text += _SLOT.pack(_FREE, 0, bytes(32), at, _STRIPES)
    unlocking = hashlib.pbkdf2_hmac(_HASH, spec.passphrase.encode(), slot_salt, ITERATIONS, length)
    material = _encrypted(unlocking, _split(master))
    return (text.ljust(_ALIGNMENT * _SECTOR, b"\0") + material).ljust(payload_at * _SECTOR, b"\0")


def _split(key: bytes) -> bytes:
    """Return the key in stripes, all of which are needed to have it again (the specification's AFsplit)."""
    stripes = []
    mixed = bytes(len(key))
    for _ in range(_STRIPES - 1):
        stripe = os.urandom(len(key))
        stripes.append(stripe)
        mixed = _diffused(_either(mixed, stripe))
    stripes.append(_either(mixed, key))
    return b"".join(stripes)


def _diffused(block: bytes) -> bytes:
    size = hashlib.new(_HASH).digest_size
    parts = [
        hashlib.new(_HASH, struct.pack(">I", number) + block[at : at + size]).digest()
        for number, at in enumerate(range(0, len(block), size))
    ]
    return b"".join(parts)[: len(block)]


def _either(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _encrypted(key: bytes, content: bytes) -> bytes:
    """Encrypt whole sectors, the first of which has number 0."""
    content = content.ljust(-(-len(content) // _SECTOR) * _SECTOR, b"\0")
    parts = []
    for number, at in enumerate(range(0, len(content), _SECTOR)):
        encryptor = Cipher(AES(key), XTS(struct.pack("<QQ", number, 0))).encryptor()
        parts.append(encryptor.update(content[at : at + _SECTOR]) + encryptor.finalize())
    return b"".join(parts)
