"""Compute (OpenStack's Nova): servers, flavors, keypairs and the hosts that run them."""

from cumulo.contracts.compute import Servers
from cumulo.core.http import Service
from cumulo.services.compute import policy
from cumulo.services.compute.adapter import ServersAdapter
from cumulo.services.compute.api import DIALECT, PARTS
from cumulo.services.compute.config import ComputeSettings
from cumulo.services.compute.domain.quotas import LIMITS
from cumulo.services.compute.ownership import ServersOwned
from cumulo.services.compute.passwords import PasswordsSealed, ServerKeys
from cumulo.services.compute.tasks import RECONCILERS, SAGAS, SCHEDULES

SERVICE = Service(
    name="compute",
    types=("compute",),
    dialect=DIALECT,
    parts=PARTS,
    rules=policy.RULES,
    sagas=SAGAS,
    reconcilers=RECONCILERS,
    schedules=SCHEDULES,
    settings=ComputeSettings,
    limits=LIMITS,
    adapters={Servers: ServersAdapter, ServerKeys: ServerKeys},
    sealed=PasswordsSealed(),
    owned=ServersOwned(),
    endpoint="/v2.1",
    known_as="nova",
    description="OpenStack Compute",
)
