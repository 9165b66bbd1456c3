"""Placement: what there is of each resource, where, and who has it. OpenStack Placement's API."""

from cumulo.contracts.placement import Placement
from cumulo.core.http import Service
from cumulo.services.placement import policy
from cumulo.services.placement.adapter import PlacementAdapter
from cumulo.services.placement.api import DIALECT, PARTS
from cumulo.services.placement.ownership import ClaimsOwned
from cumulo.services.placement.surveying import Surveyor

SERVICE = Service(
    name="placement",
    types=("placement",),
    dialect=DIALECT,
    parts=PARTS,
    rules=policy.RULES,
    adapters={Placement: PlacementAdapter, Surveyor: Surveyor},
    owned=ClaimsOwned(),
    known_as="placement",
    description="OpenStack Placement",
)
