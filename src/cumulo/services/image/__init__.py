"""Images: the catalogue of disks that servers start from, and their bytes."""

from cumulo.contracts.image import Images
from cumulo.core.http import Service
from cumulo.services.image.adapter import ImagesAdapter
from cumulo.services.image.api import DIALECT, PARTS
from cumulo.services.image.config import ImageSettings
from cumulo.services.image.ownership import ImagesOwned
from cumulo.services.image.policy import RULES
from cumulo.services.image.tasks import give_up_uploads, remove_bytes

SERVICE = Service(
    name="image",
    types=("image",),
    dialect=DIALECT,
    parts=PARTS,
    rules=RULES,
    reconcilers=(remove_bytes, give_up_uploads),
    settings=ImageSettings,
    adapters={Images: ImagesAdapter},
    owned=ImagesOwned(),
    known_as="glance",
    description="Image Service",
)
