"""Identity: who there is, who may do what, and where everything is. Keystone's API."""

from cumulo.contracts.identity import Projects, UnifiedLimits
from cumulo.core.http import Service
from cumulo.services.identity.adapter import LimitsOfProjects, ProjectDirectory
from cumulo.services.identity.api import DIALECT, PARTS
from cumulo.services.identity.config import IdentitySettings
from cumulo.services.identity.domain.catalog import CatalogCache
from cumulo.services.identity.domain.refusals import Refusals, count_refusals
from cumulo.services.identity.domain.sealing import CredentialsSealed
from cumulo.services.identity.domain.secrets import CredentialKeys
from cumulo.services.identity.domain.standings import Standings
from cumulo.services.identity.ownership import GrantsOwned
from cumulo.services.identity.policy import RULES
from cumulo.services.identity.purge import PurgeProject
from cumulo.services.identity.tasks import forget

SERVICE = Service(
    name="identity",
    known_as="keystone",
    types=("identity",),
    dialect=DIALECT,
    parts=PARTS,
    rules=RULES,
    sagas=(PurgeProject,),
    owned=GrantsOwned(),
    sealed=CredentialsSealed(),
    schedules=(forget, count_refusals),
    settings=IdentitySettings,
    adapters={
        Projects: ProjectDirectory,
        UnifiedLimits: LimitsOfProjects,
        CatalogCache: CatalogCache,
        Standings: Standings,
        CredentialKeys: CredentialKeys,
        Refusals: Refusals,
    },
    endpoint="/v3",
    description="Users, projects, roles, tokens and the catalog.",
)
