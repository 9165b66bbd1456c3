"""Block storage (OpenStack's Cinder): volumes, snapshots, volume types and the pools that hold them."""

from cumulo.contracts.block_storage import FormerVolumeCalls, Volumes
from cumulo.core.http import Service
from cumulo.services.block_storage import policy
from cumulo.services.block_storage.adapter import VolumesAdapter
from cumulo.services.block_storage.api import DIALECT, PARTS
from cumulo.services.block_storage.backups import open_backups
from cumulo.services.block_storage.config import BlockStorageSettings
from cumulo.services.block_storage.domain.quotas import LIMITS
from cumulo.services.block_storage.drivers import BackupStore
from cumulo.services.block_storage.former import FormerVolumeCallsAdapter
from cumulo.services.block_storage.keys import VolumeKeys
from cumulo.services.block_storage.ownership import VolumesOwned
from cumulo.services.block_storage.sealing import PassphrasesSealed
from cumulo.services.block_storage.tasks import RECONCILERS, SAGAS, SCHEDULES

SERVICE = Service(
    name="block_storage",
    types=("block-storage", "volumev3"),
    dialect=DIALECT,
    parts=PARTS,
    rules=policy.RULES,
    sagas=SAGAS,
    reconcilers=RECONCILERS,
    schedules=SCHEDULES,
    settings=BlockStorageSettings,
    limits=LIMITS,
    adapters={
        VolumeKeys: VolumeKeys,
        Volumes: VolumesAdapter,
        FormerVolumeCalls: FormerVolumeCallsAdapter,
        BackupStore: open_backups,
    },
    owned=VolumesOwned(),
    sealed=PassphrasesSealed(),
    endpoint="/v3",
    known_as="cinder",
    description="OpenStack Block Storage",
)
