"""What placement refuses. `code` is upstream's machine-readable word for it."""

from typing import ClassVar

from cumulo.core.errors import Conflict, Invalid, NotFound


class ProviderNotFound(NotFound):
    """No resource provider with uuid {id} found"""


class InventoryNotFound(NotFound):
    """No inventory of class {resource} for {provider}"""


class AllocationsNotFound(NotFound):
    """No allocations for consumer '{consumer}'"""


class TraitNotFound(NotFound):
    """No such trait: {name}."""


class ClassNotFound(NotFound):
    """No such resource class {name}."""


class UnknownClass(Invalid):
    """Unknown resource class in inventory for resource provider {provider}: {name}"""


class NoSuchInventory(Invalid):
    """No inventory record with resource class {resource} for resource provider {provider}"""


class BadInventory(Invalid):
    """Update of inventory for {resource} on {provider} refused: it reserves more than there is."""


class UnknownTraits(Invalid):
    """No such trait: {names}."""


class Missing(Invalid):
    """'{name}' is a required property"""


class BadQuery(Invalid):
    """Badly formed query parameter {name}: {reason}"""

    code: ClassVar[str] = "placement.query.bad_value"


class NotCustom(Invalid):
    """The name {name} is not one of your own: those begin with CUSTOM_ and hold A-Z, 0-9 and _."""


class Outdated(Conflict):
    """{what} generation conflict: it is {actual} now, not {given}; read it again and retry."""

    code: ClassVar[str] = "placement.concurrent_update"


class NoRoom(Conflict):
    """Unable to allocate inventory: {provider} {reason}."""


class InventoryExists(Conflict):
    """Resource provider {provider} has an inventory of {resource} already."""


class InventoryInUse(Conflict):
    """Inventory for {resources} on resource provider {provider} is in use."""

    code: ClassVar[str] = "placement.inventory.inuse"


class ProviderInUse(Conflict):
    """Unable to delete resource provider {provider}: it has allocations."""

    code: ClassVar[str] = "placement.resource_provider.inuse"


class ProviderHasChildren(Conflict):
    """Unable to delete resource provider {provider}: it has child providers."""

    code: ClassVar[str] = "placement.resource_provider.cannot_delete_parent"


class DuplicateProvider(Conflict):
    """Conflicting resource provider {name} already exists."""

    code: ClassVar[str] = "placement.duplicate_name"


class ClassExists(Conflict):
    """Conflicting resource class already exists: {name}"""


class NameInUse(Conflict):
    """{name} is in use by a resource provider."""
