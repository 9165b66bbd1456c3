"""Block storage's settings."""

from typing import ClassVar

from cumulo.core.config import Section


class BlockStorageSettings(Section, frozen=True, kw_only=True):
    """`[block_storage]`.

    pool_silence: seconds after which a pool that does not report counts as down. default_type: the type of
    volumes whose request names none, made at the first start. message_days: how long messages are kept.
    default_group_type: the type of groups that clients take when they name none; empty: there is none.
    backup_path: the folder of backups, absolute or below the state folder; empty: `backups` there.
    """

    section: ClassVar[str] = "block_storage"
    pool_silence: float = 60.0
    default_zone: str = "nova"
    default_type: str = "__DEFAULT__"
    message_days: int = 30
    max_metadata: int = 128
    backup_path: str = ""
    default_group_type: str = ""
