"""What can go wrong with flavors of routers and their profiles."""

from cumulo.core.errors import Conflict, Invalid, NotFound


class FlavorNotFound(NotFound):
    """Flavor {id} could not be found."""


class FlavorInUse(Conflict):
    """Flavor {id} is used by router {router_id}."""


class FlavorDisabled(Conflict):
    """Flavor {id} is not enabled."""


class FlavorServiceProfileNotFound(NotFound):
    """Flavor {id} has no enabled service profile{which}."""


class FlavorServiceProfileBindingExists(Conflict):
    """Service profile {profile_id} is already associated with flavor {id}."""


class ServiceProfileNotFound(NotFound):
    """Service profile {id} could not be found."""


class ServiceProfileInUse(Conflict):
    """Service profile {id} is used by flavor {flavor_id}."""


class ServiceProfileDriverNotFound(NotFound):
    """Service profile driver '{driver}' could not be found; 'ovn' is the one there is."""


class ServiceProfileEmpty(Invalid):
    """Either driver or metainfo is needed to define a service profile."""


class InvalidMetainfo(Invalid):
    """In the metainfo of a service profile {names} are each true or false."""


class InvalidServiceType(Invalid):
    """Service type '{kind}' is not one that is asked for here: L3_ROUTER_NAT is that of routers."""
