"""Images: the catalogue of disks that servers start from, and their bytes."""

from cumulo.contracts.image import ImageCatalogue, Images
from cumulo.core.http import Service
from cumulo.services.image.adapter import ImagesAdapter
from cumulo.services.image.api import DIALECT, PARTS
from cumulo.services.image.catalogue import CatalogueAdapter
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.domain.quotas import LIMITS
from cumulo.services.image.drivers.stores import Stores, open_stores
from cumulo.services.image.drivers.web import Web, open_web
from cumulo.services.image.ownership import ImagesOwned
from cumulo.services.image.policy import RULES
from cumulo.services.image.tasks import (
    CopyImage,
    ImportAppliance,
    ImportImage,
    fill_cache,
    forget_tasks,
    give_up_uploads,
    remove_bytes,
    remove_strays,
)

SERVICE = Service(
    name="image",
    types=("image",),
    dialect=DIALECT,
    parts=PARTS,
    rules=RULES,
    sagas=(ImportImage, CopyImage, ImportAppliance),
    reconcilers=(remove_bytes, remove_strays, give_up_uploads, fill_cache),
    schedules=(forget_tasks,),
    settings=ImageSettings,
    limits=LIMITS,
    adapters={Images: ImagesAdapter, ImageCatalogue: CatalogueAdapter, Stores: open_stores, Web: open_web},
    owned=ImagesOwned(),
    known_as="glance",
    description="Image Service",
)
