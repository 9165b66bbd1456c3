"""Block storage's rules: Cinder's names and defaults, so that an operator's `policy.yaml` works unchanged."""

from cumulo.core.auth import (
    ADMIN,
    ANYONE,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER_OR_ADMIN,
    Rule,
)

READER, MEMBER = PROJECT_READER_OR_ADMIN, PROJECT_MEMBER_OR_ADMIN
#: What is of no project: to whom a type is open is its scope.
_READER = f"{ADMIN} or role:reader"
_all: list[Rule] = []


def _rule(name: str, default: str, description: str) -> Rule:
    rule = Rule(name, default, description)
    _all.append(rule)
    return rule


# What an operator's own policy may refer to.
_rule("xena_system_admin_or_project_reader", READER, "Who may look, in Cinder's words.")
_rule("xena_system_admin_or_project_member", MEMBER, "Who may use, in Cinder's words.")

CREATE = _rule("volume:create", MEMBER, "Create a volume.")
CREATE_FROM_IMAGE = _rule("volume:create_from_image", MEMBER, "Create a volume from an image.")
SHOW = _rule("volume:get", READER, "Show a volume.")
LIST = _rule("volume:get_all", READER, "List volumes, or summarise them.")
UPDATE = _rule("volume:update", MEMBER, "Update a volume, or whether it is bootable.")
DELETE = _rule("volume:delete", MEMBER, "Delete a volume.")
FORCE_DELETE = _rule("volume:force_delete", ADMIN, "Delete a volume whatever its status.")
MULTIATTACH = _rule("volume:multiattach", MEMBER, "Create a volume for several servers.")
SEE_HOST = _rule("volume_extension:volume_host_attribute", ADMIN, "See where a volume lies.")
SEE_PROJECT = _rule("volume_extension:volume_tenant_attribute", READER, "See whose a volume is.")
SEE_MIGRATION = _rule("volume_extension:volume_mig_status_attribute", ADMIN, "See how a move goes.")
SEE_ENCRYPTION = _rule(
    "volume_extension:volume_encryption_metadata", READER, "See how a volume is encrypted."
)

METADATA_GET = _rule("volume:get_volume_metadata", READER, "Show a volume's metadata.")
METADATA_CREATE = _rule("volume:create_volume_metadata", MEMBER, "Add items to a volume's metadata.")
METADATA_UPDATE = _rule("volume:update_volume_metadata", MEMBER, "Replace or set a volume's metadata.")
METADATA_DELETE = _rule("volume:delete_volume_metadata", MEMBER, "Delete an item of a volume's metadata.")
SEE_IMAGE_METADATA = _rule(
    "volume_extension:volume_image_metadata:show", READER, "See a volume's image metadata."
)
SET_IMAGE_METADATA = _rule(
    "volume_extension:volume_image_metadata:set", MEMBER, "Set a volume's image metadata."
)
REMOVE_IMAGE_METADATA = _rule(
    "volume_extension:volume_image_metadata:remove", MEMBER, "Remove a volume's image metadata."
)
ADMIN_METADATA = _rule(
    "volume:update_volume_admin_metadata", ADMIN, "Change what only Cinder itself writes of a volume."
)

EXTEND = _rule("volume:extend", MEMBER, "Grow a volume.")
EXTEND_ATTACHED = _rule("volume:extend_attached_volume", MEMBER, "Grow a volume that is in use.")
EXTEND_COMPLETION = _rule(
    "volume_extension:volume_admin_actions:extend_volume_completion", ADMIN, "Complete a volume's growth."
)
REVERT = _rule("volume:revert_to_snapshot", MEMBER, "Revert a volume to a snapshot.")
RESET_STATUS = _rule("volume_extension:volume_admin_actions:reset_status", ADMIN, "Reset a volume's status.")
RETYPE = _rule("volume:retype", MEMBER, "Give a volume another type.")
READONLY = _rule("volume:update_readonly_flag", MEMBER, "Make a volume read-only, or writable.")
FORCE_DELETE_ACTION = _rule(
    "volume_extension:volume_admin_actions:force_delete", ADMIN, "Delete a volume whatever its status."
)
FORCE_DETACH = _rule(
    "volume_extension:volume_admin_actions:force_detach", ADMIN, "Take a volume from a server by force."
)
UPLOAD_PUBLIC = _rule(
    "volume_extension:volume_actions:upload_public", ADMIN, "Make a public image of a volume."
)
UPLOAD = _rule("volume_extension:volume_actions:upload_image", MEMBER, "Make an image of a volume.")
MIGRATE = _rule(
    "volume_extension:volume_admin_actions:migrate_volume", ADMIN, "Move a volume to another pool."
)
MIGRATE_COMPLETION = _rule(
    "volume_extension:volume_admin_actions:migrate_volume_completion", ADMIN, "Complete a volume's move."
)
INITIALIZE = _rule("volume_extension:volume_actions:initialize_connection", MEMBER, "Export a volume.")
TERMINATE = _rule("volume_extension:volume_actions:terminate_connection", MEMBER, "End a volume's export.")
ROLL_DETACHING = _rule("volume_extension:volume_actions:roll_detaching", MEMBER, "Give up detaching.")
RESERVE = _rule("volume_extension:volume_actions:reserve", MEMBER, "Reserve a volume.")
UNRESERVE = _rule("volume_extension:volume_actions:unreserve", MEMBER, "Reserve a volume no more.")
BEGIN_DETACHING = _rule("volume_extension:volume_actions:begin_detaching", MEMBER, "Begin to detach.")
ATTACH = _rule("volume_extension:volume_actions:attach", MEMBER, "Note that a volume is attached.")
DETACH = _rule("volume_extension:volume_actions:detach", MEMBER, "Note that a volume is detached.")
REIMAGE = _rule("volume:reimage", MEMBER, "Write an image anew over a volume.")
REIMAGE_RESERVED = _rule("volume:reimage_reserved", MEMBER, "Write an image over a reserved volume.")

ATTACHMENT_CREATE = _rule("volume:attachment_create", MEMBER, "Create an attachment.")
ATTACHMENT_UPDATE = _rule("volume:attachment_update", MEMBER, "Update an attachment.")
ATTACHMENT_DELETE = _rule("volume:attachment_delete", MEMBER, "Delete an attachment.")
ATTACHMENT_COMPLETE = _rule("volume:attachment_complete", MEMBER, "Complete an attachment.")
MULTIATTACH_BOOTABLE = _rule(
    "volume:multiattach_bootable_volume", MEMBER, "Give a bootable volume to several servers."
)

SNAPSHOT_LIST = _rule("volume:get_all_snapshots", READER, "List snapshots.")
SNAPSHOT_EXTENDED = _rule(
    "volume_extension:extended_snapshot_attributes", READER, "See a snapshot's progress and project."
)
SNAPSHOT_CREATE = _rule("volume:create_snapshot", MEMBER, "Create a snapshot.")
SNAPSHOT_SHOW = _rule("volume:get_snapshot", READER, "Show a snapshot.")
SNAPSHOT_UPDATE = _rule("volume:update_snapshot", MEMBER, "Update a snapshot.")
SNAPSHOT_DELETE = _rule("volume:delete_snapshot", MEMBER, "Delete a snapshot.")
SNAPSHOT_RESET = _rule(
    "volume_extension:snapshot_admin_actions:reset_status", ADMIN, "Reset a snapshot's status."
)
SNAPSHOT_STATUS = _rule(
    "snapshot_extension:snapshot_actions:update_snapshot_status", MEMBER, "Report how a snapshot goes."
)
SNAPSHOT_FORCE_DELETE = _rule(
    "volume_extension:snapshot_admin_actions:force_delete", ADMIN, "Delete a snapshot whatever its status."
)
SNAPSHOT_METADATA_GET = _rule("volume:get_snapshot_metadata", READER, "Show a snapshot's metadata.")
SNAPSHOT_METADATA_UPDATE = _rule("volume:update_snapshot_metadata", MEMBER, "Change a snapshot's metadata.")
SNAPSHOT_METADATA_DELETE = _rule(
    "volume:delete_snapshot_metadata", MEMBER, "Delete an item of a snapshot's metadata."
)

_MANAGE_TYPES = "rule:volume_extension:types_manage"
_rule("volume_extension:types_manage", ADMIN, "Create, update and delete volume types.")
TYPE_CREATE = _rule("volume_extension:type_create", _MANAGE_TYPES, "Create a volume type.")
TYPE_UPDATE = _rule("volume_extension:type_update", _MANAGE_TYPES, "Update a volume type.")
TYPE_DELETE = _rule("volume_extension:type_delete", _MANAGE_TYPES, "Delete a volume type.")
TYPE_SHOW = _rule("volume_extension:type_get", _READER, "Show a volume type.")
TYPE_LIST = _rule("volume_extension:type_get_all", _READER, "List volume types.")
TYPE_SPECS = _rule("volume_extension:access_types_extra_specs", _READER, "See a type's extra specs.")
TYPE_QOS = _rule("volume_extension:access_types_qos_specs_id", ADMIN, "See a type's QoS specs.")
TYPE_ACCESS = _rule("volume_extension:volume_type_access", MEMBER, "See whether a type is public.")
TYPE_ACCESS_LIST = _rule(
    "volume_extension:volume_type_access:get_all_for_type", ADMIN, "List who may use a private type."
)
TYPE_ACCESS_ADD = _rule(
    "volume_extension:volume_type_access:addProjectAccess", ADMIN, "Let a project use a private type."
)
TYPE_ACCESS_REMOVE = _rule(
    "volume_extension:volume_type_access:removeProjectAccess", ADMIN, "Keep a project from a private type."
)
SPECS_LIST = _rule("volume_extension:types_extra_specs:index", _READER, "List a type's extra specs.")
SPECS_SHOW = _rule("volume_extension:types_extra_specs:show", _READER, "Show one of a type's extra specs.")
SPECS_CREATE = _rule("volume_extension:types_extra_specs:create", ADMIN, "Create extra specs.")
SPECS_UPDATE = _rule("volume_extension:types_extra_specs:update", ADMIN, "Update an extra spec.")
SPECS_DELETE = _rule("volume_extension:types_extra_specs:delete", ADMIN, "Delete an extra spec.")
SPECS_SENSITIVE = _rule(
    "volume_extension:types_extra_specs:read_sensitive", ADMIN, "See extra specs that tell of the cloud."
)
_ENCRYPTION = "rule:volume_extension:volume_type_encryption"
_rule("volume_extension:volume_type_encryption", ADMIN, "All that concerns types' encryption.")
ENCRYPTION_CREATE = _rule(
    "volume_extension:volume_type_encryption:create", _ENCRYPTION, "Have a type's volumes encrypted."
)
ENCRYPTION_SHOW = _rule(
    "volume_extension:volume_type_encryption:get", _ENCRYPTION, "Show how a type's volumes are encrypted."
)
ENCRYPTION_UPDATE = _rule(
    "volume_extension:volume_type_encryption:update", _ENCRYPTION, "Change how a type is encrypted."
)
ENCRYPTION_DELETE = _rule(
    "volume_extension:volume_type_encryption:delete", _ENCRYPTION, "Encrypt a type's volumes no more."
)
DEFAULT_TYPE_SET = _rule("volume_extension:default_set_or_update", ADMIN, "Set a project's default type.")
DEFAULT_TYPE_SHOW = _rule("volume_extension:default_get", ADMIN, "Show a project's default type.")
DEFAULT_TYPE_LIST = _rule("volume_extension:default_get_all", ADMIN, "List projects' default types.")
DEFAULT_TYPE_UNSET = _rule("volume_extension:default_unset", ADMIN, "Unset a project's default type.")

QOS_LIST = _rule("volume_extension:qos_specs_manage:get_all", ADMIN, "List QoS specs and associations.")
QOS_SHOW = _rule("volume_extension:qos_specs_manage:get", ADMIN, "Show QoS specs.")
QOS_CREATE = _rule("volume_extension:qos_specs_manage:create", ADMIN, "Create QoS specs.")
QOS_UPDATE = _rule("volume_extension:qos_specs_manage:update", ADMIN, "Update QoS specs.")
QOS_DELETE = _rule("volume_extension:qos_specs_manage:delete", ADMIN, "Delete QoS specs.")

QUOTAS_SHOW = _rule("volume_extension:quotas:show", READER, "Show a project's quotas.")
QUOTAS_UPDATE = _rule("volume_extension:quotas:update", ADMIN, "Update a project's quotas.")
QUOTAS_DELETE = _rule("volume_extension:quotas:delete", ADMIN, "Return a project to the default quotas.")
CLASSES_SHOW = _rule("volume_extension:quota_classes:get", ADMIN, "Show a quota class.")
CLASSES_UPDATE = _rule("volume_extension:quota_classes:update", ADMIN, "Update a quota class.")
LIMITS = _rule("limits_extension:used_limits", READER, "Show limits and what is used of them.")
ZONES = _rule("volume:availability_zone_list", ANYONE, "List availability zones.")
SERVICES_LIST = _rule("volume_extension:services:index", ADMIN, "List services.")
SERVICES_UPDATE = _rule("volume_extension:services:update", ADMIN, "Enable and disable services.")
FREEZE = _rule("volume:freeze_host", ADMIN, "Freeze a backend.")
THAW = _rule("volume:thaw_host", ADMIN, "Thaw a backend.")
FAILOVER = _rule("volume:failover_host", ADMIN, "Fail a backend over to its replica.")
HOSTS = _rule("volume_extension:hosts", ADMIN, "List, show and manage hosts.")
POOLS = _rule("scheduler_extension:scheduler_stats:get_pools", ADMIN, "List pools.")
CAPABILITIES = _rule("volume_extension:capabilities", ADMIN, "Show what a backend can do.")
EXTENSIONS = _rule("volume_extension:extensions", ANYONE, "List the API's extensions.")
FILTERS = _rule("volume:resource_filters", ANYONE, "List what lists can be filtered by.")
MESSAGE_SHOW = _rule("message:get", READER, "Show a message.")
MESSAGE_LIST = _rule("message:get_all", READER, "List messages.")
MESSAGE_DELETE = _rule("message:delete", MEMBER, "Delete a message.")

BACKUP_LIST = _rule("backup:get_all", READER, "List backups.")
BACKUP_CREATE = _rule("backup:create", MEMBER, "Create a backup.")
BACKUP_SHOW = _rule("backup:get", READER, "Show a backup.")
BACKUP_UPDATE = _rule("backup:update", MEMBER, "Update a backup.")
BACKUP_DELETE = _rule("backup:delete", MEMBER, "Delete a backup.")
BACKUP_RESTORE = _rule("backup:restore", MEMBER, "Restore a backup.")
BACKUP_IMPORT = _rule("backup:backup-import", ADMIN, "Import a backup's record.")
BACKUP_EXPORT = _rule("backup:backup-export", ADMIN, "Export a backup's record.")
BACKUP_PROJECT = _rule("backup:backup_project_attribute", ADMIN, "See whose a backup is.")
BACKUP_RESET = _rule("volume_extension:backup_admin_actions:reset_status", ADMIN, "Reset a backup's status.")
BACKUP_FORCE_DELETE = _rule(
    "volume_extension:backup_admin_actions:force_delete", ADMIN, "Delete a backup whatever its status."
)

TRANSFER_LIST = _rule("volume:get_all_transfers", READER, "List transfers.")
TRANSFER_CREATE = _rule("volume:create_transfer", MEMBER, "Offer a volume to another project.")
TRANSFER_SHOW = _rule("volume:get_transfer", READER, "Show a transfer.")
TRANSFER_ACCEPT = _rule("volume:accept_transfer", MEMBER, "Take a volume that is offered.")
TRANSFER_DELETE = _rule("volume:delete_transfer", MEMBER, "Offer a volume no more.")

MANAGEABLE = _rule("volume_extension:list_manageable", ADMIN, "List volumes that pools hold.")
MANAGE = _rule("volume_extension:volume_manage", ADMIN, "Take over a volume that a pool holds.")
UNMANAGE = _rule("volume_extension:volume_unmanage", ADMIN, "Manage a volume no more.")
SNAPSHOT_MANAGEABLE = _rule("snapshot_extension:list_manageable", ADMIN, "List snapshots that pools hold.")
SNAPSHOT_MANAGE = _rule(
    "snapshot_extension:snapshot_manage", ADMIN, "Take over a snapshot that a pool holds."
)
SNAPSHOT_UNMANAGE = _rule("snapshot_extension:snapshot_unmanage", ADMIN, "Manage a snapshot no more.")

_rule("group:group_types_manage", ADMIN, "Create, update and delete group types.")
_GROUP_TYPES = "rule:group:group_types_manage"
GROUP_TYPE_CREATE = _rule("group:group_types:create", _GROUP_TYPES, "Create a group type.")
GROUP_TYPE_UPDATE = _rule("group:group_types:update", _GROUP_TYPES, "Update a group type.")
GROUP_TYPE_DELETE = _rule("group:group_types:delete", _GROUP_TYPES, "Delete a group type.")
GROUP_TYPE_SEE = _rule("group:group_types:get", ANYONE, "List and show group types.")
GROUP_TYPE_SPECS = _rule("group:access_group_types_specs", ADMIN, "See a group type's specs.")
_rule("group:group_types_specs", ADMIN, "All that concerns group types' specs.")
_GROUP_SPECS = "rule:group:group_types_specs"
GROUP_SPECS_LIST = _rule("group:group_types_specs:get_all", _GROUP_SPECS, "List a group type's specs.")
GROUP_SPECS_SHOW = _rule("group:group_types_specs:get", _GROUP_SPECS, "Show one of a group type's specs.")
GROUP_SPECS_CREATE = _rule("group:group_types_specs:create", _GROUP_SPECS, "Create a group type's specs.")
GROUP_SPECS_UPDATE = _rule("group:group_types_specs:update", _GROUP_SPECS, "Update a group type's spec.")
GROUP_SPECS_DELETE = _rule("group:group_types_specs:delete", _GROUP_SPECS, "Delete a group type's spec.")

GROUP_LIST = _rule("group:get_all", READER, "List groups.")
GROUP_CREATE = _rule("group:create", MEMBER, "Create a group.")
GROUP_SHOW = _rule("group:get", READER, "Show a group.")
GROUP_UPDATE = _rule("group:update", MEMBER, "Update a group.")
GROUP_DELETE = _rule("group:delete", MEMBER, "Delete a group.")
GROUP_RESET = _rule("group:reset_status", ADMIN, "Reset a group's status.")
GROUP_PROJECT = _rule("group:group_project_attribute", ADMIN, "See whose a group is.")
GROUP_ENABLE = _rule("group:enable_replication", MEMBER, "Have a group replicated.")
GROUP_DISABLE = _rule("group:disable_replication", MEMBER, "Have a group replicated no more.")
GROUP_FAILOVER = _rule("group:failover_replication", MEMBER, "Fail a group over to its replica.")
GROUP_TARGETS = _rule("group:list_replication_targets", MEMBER, "List where a group is replicated to.")
GROUP_SNAPSHOT_LIST = _rule("group:get_all_group_snapshots", READER, "List group snapshots.")
GROUP_SNAPSHOT_CREATE = _rule("group:create_group_snapshot", MEMBER, "Create a group snapshot.")
GROUP_SNAPSHOT_SHOW = _rule("group:get_group_snapshot", READER, "Show a group snapshot.")
_rule("group:update_group_snapshot", MEMBER, "Update a group snapshot.")
GROUP_SNAPSHOT_DELETE = _rule("group:delete_group_snapshot", MEMBER, "Delete a group snapshot.")
GROUP_SNAPSHOT_RESET = _rule("group:reset_group_snapshot_status", ADMIN, "Reset a group snapshot's status.")
GROUP_SNAPSHOT_PROJECT = _rule(
    "group:group_snapshot_project_attribute", ADMIN, "See whose a group snapshot is."
)

CLUSTER_SHOW = _rule("clusters:get", ADMIN, "Show a cluster.")
CLUSTER_LIST = _rule("clusters:get_all", ADMIN, "List clusters.")
CLUSTER_UPDATE = _rule("clusters:update", ADMIN, "Enable and disable clusters.")
CLEAN_UP = _rule("workers:cleanup", ADMIN, "Have what stopped services left cleaned up.")

RULES = tuple(_all)
