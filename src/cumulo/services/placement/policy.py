"""Placement's rules: upstream's names, open to administrators and services."""

from cumulo.core.auth import ADMIN_OR_SERVICE, Rule

_READER = f"({ADMIN_OR_SERVICE}) or (role:reader and project_id:%(project_id)s)"
_PROVIDERS = "placement:resource_providers"


def _rule(name: str, default: str, description: str) -> Rule:
    return Rule(name, default, description, scope_types=("project",))


LIST_PROVIDERS = _rule(f"{_PROVIDERS}:list", ADMIN_OR_SERVICE, "List resource providers.")
CREATE_PROVIDER = _rule(f"{_PROVIDERS}:create", ADMIN_OR_SERVICE, "Create a resource provider.")
SHOW_PROVIDER = _rule(f"{_PROVIDERS}:show", ADMIN_OR_SERVICE, "See a resource provider.")
UPDATE_PROVIDER = _rule(f"{_PROVIDERS}:update", ADMIN_OR_SERVICE, "Rename or move a resource provider.")
DELETE_PROVIDER = _rule(f"{_PROVIDERS}:delete", ADMIN_OR_SERVICE, "Delete a resource provider.")

LIST_INVENTORIES = _rule(f"{_PROVIDERS}:inventories:list", ADMIN_OR_SERVICE, "List inventories.")
SHOW_INVENTORY = _rule(f"{_PROVIDERS}:inventories:show", ADMIN_OR_SERVICE, "See an inventory.")
UPDATE_INVENTORY = _rule(f"{_PROVIDERS}:inventories:update", ADMIN_OR_SERVICE, "Change inventories.")
DELETE_INVENTORY = _rule(f"{_PROVIDERS}:inventories:delete", ADMIN_OR_SERVICE, "Delete inventories.")

PROVIDER_USAGES = _rule(f"{_PROVIDERS}:usages", ADMIN_OR_SERVICE, "See what of a provider is used.")
USAGES = _rule("placement:usages", _READER, "See what a project uses.")

LIST_PROVIDER_TRAITS = _rule(f"{_PROVIDERS}:traits:list", ADMIN_OR_SERVICE, "See a provider's traits.")
UPDATE_PROVIDER_TRAITS = _rule(f"{_PROVIDERS}:traits:update", ADMIN_OR_SERVICE, "Set a provider's traits.")
DELETE_PROVIDER_TRAITS = _rule(f"{_PROVIDERS}:traits:delete", ADMIN_OR_SERVICE, "Take a provider's traits.")
PROVIDER_ALLOCATIONS = _rule(
    f"{_PROVIDERS}:allocations:list", ADMIN_OR_SERVICE, "See who has what of a provider."
)

CREATE_INVENTORY = _rule(f"{_PROVIDERS}:inventories:create", ADMIN_OR_SERVICE, "Add an inventory.")
LIST_AGGREGATES = _rule(f"{_PROVIDERS}:aggregates:list", ADMIN_OR_SERVICE, "See a provider's aggregates.")
UPDATE_AGGREGATES = _rule(f"{_PROVIDERS}:aggregates:update", ADMIN_OR_SERVICE, "Set a provider's aggregates.")
RESHAPE = _rule("placement:reshaper:reshape", ADMIN_OR_SERVICE, "Change inventories under their consumers.")

LIST_TRAITS = _rule("placement:traits:list", ADMIN_OR_SERVICE, "List traits.")
SHOW_TRAIT = _rule("placement:traits:show", ADMIN_OR_SERVICE, "See whether a trait exists.")
UPDATE_TRAIT = _rule("placement:traits:update", ADMIN_OR_SERVICE, "Create a trait.")
DELETE_TRAIT = _rule("placement:traits:delete", ADMIN_OR_SERVICE, "Delete a trait.")

LIST_CLASSES = _rule("placement:resource_classes:list", ADMIN_OR_SERVICE, "List resource classes.")
CREATE_CLASS = _rule("placement:resource_classes:create", ADMIN_OR_SERVICE, "Create a resource class.")
SHOW_CLASS = _rule("placement:resource_classes:show", ADMIN_OR_SERVICE, "See a resource class.")
UPDATE_CLASS = _rule("placement:resource_classes:update", ADMIN_OR_SERVICE, "Make a resource class exist.")
DELETE_CLASS = _rule("placement:resource_classes:delete", ADMIN_OR_SERVICE, "Delete a resource class.")

MANAGE_ALLOCATIONS = _rule("placement:allocations:manage", ADMIN_OR_SERVICE, "Allocate to many consumers.")
LIST_ALLOCATIONS = _rule("placement:allocations:list", ADMIN_OR_SERVICE, "See what a consumer has.")
UPDATE_ALLOCATIONS = _rule("placement:allocations:update", ADMIN_OR_SERVICE, "Allocate to a consumer.")
DELETE_ALLOCATIONS = _rule("placement:allocations:delete", ADMIN_OR_SERVICE, "Take all from a consumer.")
LIST_CANDIDATES = _rule("placement:allocation_candidates:list", ADMIN_OR_SERVICE, "See who has room.")

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))
