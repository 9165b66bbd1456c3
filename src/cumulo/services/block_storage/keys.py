"""Passphrases of encrypted volumes, sealed in the database, each bound to its volume's id."""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from cumulo.core import ids
from cumulo.core.auth.keys import KeyFolder
from cumulo.core.auth.tokens import Keyring
from cumulo.services.block_storage.model import Backup, Encryption, Volume

Use = Callable[[type[Any]], Any]
CIPHER, KEY_SIZE = "aes-xts-plain64", 256
_PASSPHRASE = 32  # bytes of randomness


class VolumeKeys(KeyFolder):
    """The keys that passphrases and connection secrets are sealed with: a folder beside the tokens' keys."""

    def __init__(self, use: Use) -> None:
        super().__init__(use(Keyring).folder.with_name("volume-keys"), b"cumulo volume 1 ")


def encrypt(keys: VolumeKeys, volume: Volume, how: Encryption) -> None:
    """Give a new volume a passphrase of its own."""
    _keep(keys, volume, secrets.token_hex(_PASSPHRASE), how.cipher or CIPHER, how.key_size or KEY_SIZE)


def inherit(keys: VolumeKeys, volume: Volume, source: Volume) -> None:
    """Give a new volume its source's passphrase: a copy of encrypted bytes opens with no other."""
    _keep(keys, volume, passphrase(keys, source), source.cipher or CIPHER, source.key_size or KEY_SIZE)


def _keep(keys: VolumeKeys, volume: Volume, text: str, cipher: str, key_size: int) -> None:
    volume.encryption_key_id = ids.dashed()
    volume.sealed_key = keys.seal_bytes(text.encode(), volume.id.encode())
    volume.cipher, volume.key_size = cipher, key_size


class NewKey(msgspec.Struct):
    """What a volume's row says of its encryption once its bytes lie under another key. None: under none."""

    encryption_key_id: str | None = None
    sealed_key: bytes | None = None
    cipher: str | None = None
    key_size: int | None = None


def is_sealed_so(volume: Volume, how: Encryption | None) -> bool:
    """Say whether a volume's bytes lie as a type's encryption (None: none) says."""
    if how is None or not volume.encrypted:
        return how is None and not volume.encrypted
    wanted = how.cipher or CIPHER, how.key_size or KEY_SIZE
    return wanted == (volume.cipher or CIPHER, volume.key_size or KEY_SIZE)


def new_key(keys: VolumeKeys, volume: Volume, how: Encryption | None) -> NewKey:
    """Return a new key for a volume that is to be encrypted so; it has the old one until it is told."""
    made = msgspec.structs.replace(volume, **msgspec.structs.asdict(NewKey()))
    if how is not None:
        encrypt(keys, made, how)
    return NewKey(**{name: getattr(made, name) for name in NewKey.__struct_fields__})


def under(volume: Volume, key: NewKey | None) -> Volume:
    """Return a volume as it is once its bytes lie under a key; None: under the one that it has."""
    return volume if key is None else msgspec.structs.replace(volume, **msgspec.structs.asdict(key))


def passphrase(keys: VolumeKeys, volume: Volume) -> str:
    """Return a volume's passphrase; empty when it is not encrypted. It goes to the pool and QEMU only."""
    if volume.sealed_key is None:
        return ""
    return keys.open_bytes(volume.sealed_key, volume.id.encode()).decode()


def keep_with(keys: VolumeKeys, backup: Backup, volume: Volume) -> None:
    """Keep an encrypted volume's passphrase with its backup: the bytes open with no other."""
    backup.encryption_key_id = ids.dashed()
    backup.sealed_key = keys.seal_bytes(passphrase(keys, volume).encode(), backup.location.encode())
    backup.cipher, backup.key_size = volume.cipher, volume.key_size


def take_from(keys: VolumeKeys, volume: Volume, backup: Backup) -> None:
    """Give a volume the passphrase that a backup's bytes open with."""
    if backup.sealed_key is not None:
        text = keys.open_bytes(backup.sealed_key, backup.location.encode()).decode()
        _keep(keys, volume, text, backup.cipher or CIPHER, backup.key_size or KEY_SIZE)
