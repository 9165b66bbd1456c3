"""The store of backups as the settings say."""

from cumulo.core.auth.tokens import Keyring
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.drivers.files import FileBackups
from cumulo.services.block_storage.keys import Use

DEFAULT = "backups"


def open_backups(use: Use) -> BackupStore:
    """Return the store: a folder beside the tokens' keys unless the settings name another."""
    state = use(Keyring).folder.parent
    return FileBackups(state / (use(BlockStorageSettings).backup_path or DEFAULT))
