"""Compute's rules: Nova's names and defaults, so that an operator's `policy.yaml` works unchanged."""

from cumulo.core.auth import (
    ADMIN,
    ADMIN_OR_SERVICE,
    ANYONE,
    PROJECT_MANAGER_OR_ADMIN,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER_OR_ADMIN,
    Rule,
)

_OWN_KEYS = "(rule:context_is_admin) or user_id:%(user_id)s"
_all: list[Rule] = []


def _rule(name: str, default: str, description: str, prefix: str = "os_compute_api:") -> Rule:
    """Declare a rule of the compute API."""
    rule = Rule(f"{prefix}{name}", default, description, scope_types=("project",))
    _all.append(rule)
    return rule


LIST = _rule("servers:index", PROJECT_READER_OR_ADMIN, "List servers.")
DETAIL = _rule("servers:detail", PROJECT_READER_OR_ADMIN, "List servers with details.")
LIST_ALL = _rule("servers:index:get_all_tenants", ADMIN, "List servers of all projects.")
DETAIL_ALL = _rule("servers:detail:get_all_tenants", ADMIN, "Detail servers of all projects.")
ALL_FILTERS = _rule("servers:allow_all_filters", ADMIN, "Filter a server list by anything.")
SHOW = _rule("servers:show", PROJECT_READER_OR_ADMIN, "Show a server.")
SHOW_HOST_STATUS = _rule("servers:show:host_status", ADMIN, "See the status of a server's host.")
CREATE = _rule("servers:create", PROJECT_MEMBER_OR_ADMIN, "Create a server.")
CREATE_ON_HOST = _rule("servers:create:forced_host", ADMIN, "Create a server on a named host.")
CREATE_AT = _rule(
    "compute:servers:create:requested_destination",
    ADMIN,
    "Create a server on a named host, if it fits.",
    prefix="",
)
ATTACH_NETWORK = _rule(
    "servers:create:attach_network", PROJECT_MEMBER_OR_ADMIN, "Create a server with networks."
)
ZERO_DISK = _rule("servers:create:zero_disk_flavor", ADMIN, "Use a flavor with no disk and an image.")
EXTERNAL_NETWORK = _rule(
    "network:attach_external_network",
    ADMIN,
    "Put a server on an external network.",
    prefix="",
)
UPDATE = _rule("servers:update", PROJECT_MEMBER_OR_ADMIN, "Update a server.")
DELETE = _rule("servers:delete", PROJECT_MEMBER_OR_ADMIN, "Delete a server.")
FORCE_DELETE = _rule("os-deferred-delete:force", PROJECT_MEMBER_OR_ADMIN, "Delete a server at once.")
START = _rule("servers:start", PROJECT_MEMBER_OR_ADMIN, "Start a server.")
STOP = _rule("servers:stop", PROJECT_MEMBER_OR_ADMIN, "Stop a server.")
REBOOT = _rule("servers:reboot", PROJECT_MEMBER_OR_ADMIN, "Reboot a server.")
PAUSE = _rule("os-pause-server:pause", PROJECT_MEMBER_OR_ADMIN, "Pause a server.")
UNPAUSE = _rule("os-pause-server:unpause", PROJECT_MEMBER_OR_ADMIN, "Unpause a server.")
LOCK = _rule("os-lock-server:lock", PROJECT_MEMBER_OR_ADMIN, "Lock a server.")
UNLOCK = _rule("os-lock-server:unlock", PROJECT_MEMBER_OR_ADMIN, "Unlock a server.")
UNLOCK_ANY = _rule(
    "os-lock-server:unlock:unlock_override", ADMIN, "Unlock a server that an administrator locked."
)
INJECT_NETWORK_INFO = _rule("os-admin-actions:inject_network_info", ADMIN, "Tell a guest its network anew.")
RESET_STATE = _rule("os-admin-actions:reset_state", ADMIN, "Reset a server's state.")
CONSOLE_OUTPUT = _rule(
    "os-console-output", PROJECT_MEMBER_OR_ADMIN, "Read what a server wrote to its console."
)
REMOTE_CONSOLES = _rule("os-remote-consoles", PROJECT_MEMBER_OR_ADMIN, "Open a server's console.")
EXTENDED = _rule("os-extended-server-attributes", ADMIN, "See a server's host and what was asked of it.")
ACTIONS_LIST = _rule("os-instance-actions:list", PROJECT_READER_OR_ADMIN, "List what was done to a server.")
ACTIONS_SHOW = _rule("os-instance-actions:show", PROJECT_READER_OR_ADMIN, "Show what was done to a server.")
ACTIONS_EVENTS = _rule("os-instance-actions:events", ADMIN, "See the events of old versions.")
EVENT_DETAILS = _rule("os-instance-actions:events:details", ADMIN, "See why an event failed.")
METADATA_LIST = _rule("server-metadata:index", PROJECT_READER_OR_ADMIN, "List a server's metadata.")
METADATA_SHOW = _rule("server-metadata:show", PROJECT_READER_OR_ADMIN, "Show an item of a server's metadata.")
METADATA_CREATE = _rule(
    "server-metadata:create", PROJECT_MEMBER_OR_ADMIN, "Add items to a server's metadata."
)
METADATA_SET = _rule("server-metadata:update", PROJECT_MEMBER_OR_ADMIN, "Set an item of a server's metadata.")
METADATA_REPLACE = _rule(
    "server-metadata:update_all", PROJECT_MEMBER_OR_ADMIN, "Replace a server's metadata."
)
METADATA_DELETE = _rule("server-metadata:delete", PROJECT_MEMBER_OR_ADMIN, "Delete an item of the metadata.")
TAGS_LIST = _rule("os-server-tags:index", PROJECT_READER_OR_ADMIN, "List a server's tags.")
TAGS_SHOW = _rule("os-server-tags:show", PROJECT_READER_OR_ADMIN, "Check a server's tag.")
TAGS_ADD = _rule("os-server-tags:update", PROJECT_MEMBER_OR_ADMIN, "Add a tag to a server.")
TAGS_REPLACE = _rule("os-server-tags:update_all", PROJECT_MEMBER_OR_ADMIN, "Replace a server's tags.")
TAGS_DELETE = _rule("os-server-tags:delete", PROJECT_MEMBER_OR_ADMIN, "Delete a tag of a server.")
TAGS_CLEAR = _rule("os-server-tags:delete_all", PROJECT_MEMBER_OR_ADMIN, "Delete all tags of a server.")
GROUPS_LIST = _rule("os-security-groups:list", PROJECT_READER_OR_ADMIN, "List a server's security groups.")
GROUPS_ADD = _rule("os-security-groups:add", PROJECT_MEMBER_OR_ADMIN, "Add a security group to a server.")
GROUPS_REMOVE = _rule(
    "os-security-groups:remove", PROJECT_MEMBER_OR_ADMIN, "Take a security group off a server."
)
SECURITY_GROUPS_GET = _rule(
    "os-security-groups:get", PROJECT_READER_OR_ADMIN, "List security groups (until 2.35)."
)
SECURITY_GROUPS_SHOW = _rule(
    "os-security-groups:show", PROJECT_READER_OR_ADMIN, "Show a security group (until 2.35)."
)
SECURITY_GROUPS_CREATE = _rule(
    "os-security-groups:create", PROJECT_MEMBER_OR_ADMIN, "Create a security group (until 2.35)."
)
SECURITY_GROUPS_UPDATE = _rule(
    "os-security-groups:update", PROJECT_MEMBER_OR_ADMIN, "Update a security group (until 2.35)."
)
SECURITY_GROUPS_DELETE = _rule(
    "os-security-groups:delete", PROJECT_MEMBER_OR_ADMIN, "Delete a security group (until 2.35)."
)
SECURITY_GROUPS_ADD_RULE = _rule(
    "os-security-groups:rule:create", PROJECT_MEMBER_OR_ADMIN, "Add a rule to a group (until 2.35)."
)
SECURITY_GROUPS_REMOVE_RULE = _rule(
    "os-security-groups:rule:delete", PROJECT_MEMBER_OR_ADMIN, "Take a rule off a group (until 2.35)."
)
FORMER_VOLUMES_LIST = _rule("os-volumes:list", PROJECT_READER_OR_ADMIN, "List volumes (until 2.35).")
FORMER_VOLUMES_DETAIL = _rule("os-volumes:detail", PROJECT_READER_OR_ADMIN, "List volumes in detail.")
FORMER_VOLUMES_SHOW = _rule("os-volumes:show", PROJECT_READER_OR_ADMIN, "Show a volume (until 2.35).")
FORMER_VOLUMES_CREATE = _rule("os-volumes:create", PROJECT_MEMBER_OR_ADMIN, "Create a volume (until 2.35).")
FORMER_VOLUMES_DELETE = _rule("os-volumes:delete", PROJECT_MEMBER_OR_ADMIN, "Delete a volume (until 2.35).")
FORMER_SNAPSHOTS_LIST = _rule(
    "os-volumes:snapshots:list", PROJECT_READER_OR_ADMIN, "List snapshots of volumes (until 2.35)."
)
FORMER_SNAPSHOTS_DETAIL = _rule(
    "os-volumes:snapshots:detail", PROJECT_READER_OR_ADMIN, "List snapshots of volumes in detail."
)
FORMER_SNAPSHOTS_SHOW = _rule(
    "os-volumes:snapshots:show", PROJECT_READER_OR_ADMIN, "Show a snapshot of a volume (until 2.35)."
)
FORMER_SNAPSHOTS_CREATE = _rule(
    "os-volumes:snapshots:create", PROJECT_MEMBER_OR_ADMIN, "Take a snapshot of a volume (until 2.35)."
)
FORMER_SNAPSHOTS_DELETE = _rule(
    "os-volumes:snapshots:delete", PROJECT_MEMBER_OR_ADMIN, "Delete a snapshot of a volume (until 2.35)."
)
INTERFACES_LIST = _rule("os-attach-interfaces:list", PROJECT_READER_OR_ADMIN, "List a server's ports.")
INTERFACES_SHOW = _rule("os-attach-interfaces:show", PROJECT_READER_OR_ADMIN, "Show a port of a server.")
IPS_LIST = _rule("ips:index", PROJECT_READER_OR_ADMIN, "List a server's addresses.")
IPS_SHOW = _rule("ips:show", PROJECT_READER_OR_ADMIN, "Show a server's addresses on a network.")
CREATE_IMAGE = _rule("servers:create_image", PROJECT_MEMBER_OR_ADMIN, "Make an image of a server.")
VOLUMES_LIST = _rule("os-volumes-attachments:index", PROJECT_READER_OR_ADMIN, "List a server's volumes.")
VOLUMES_SHOW = _rule("os-volumes-attachments:show", PROJECT_READER_OR_ADMIN, "Show a volume of a server.")
VOLUMES_ATTACH = _rule("os-volumes-attachments:create", PROJECT_MEMBER_OR_ADMIN, "Attach a volume.")
VOLUMES_UPDATE = _rule(
    "os-volumes-attachments:update", PROJECT_MEMBER_OR_ADMIN, "Say whether a volume goes with its server."
)
VOLUMES_SWAP = _rule("os-volumes-attachments:swap", ADMIN, "Exchange a server's volume for another one.")
VOLUMES_DETACH = _rule("os-volumes-attachments:delete", PROJECT_MEMBER_OR_ADMIN, "Detach a volume.")
AGGREGATES_LIST = _rule("os-aggregates:index", ADMIN, "List host aggregates.")
GROUPS_OF_SERVERS_LIST = _rule("os-server-groups:index", PROJECT_READER_OR_ADMIN, "List server groups.")
ZONES_LIST = _rule("os-availability-zone:list", ANYONE, "List availability zones.")
ZONES_DETAIL = _rule("os-availability-zone:detail", ADMIN, "List zones with their hosts.")
HYPERVISORS_LIST = _rule("os-hypervisors:list", ADMIN, "List hypervisors.")
HYPERVISORS_DETAIL = _rule("os-hypervisors:list-detail", ADMIN, "List hypervisors in detail.")
HYPERVISORS_SHOW = _rule("os-hypervisors:show", ADMIN, "Show a hypervisor.")
HYPERVISORS_SEARCH = _rule("os-hypervisors:search", ADMIN, "Find hypervisors by name.")
HYPERVISORS_SERVERS = _rule("os-hypervisors:servers", ADMIN, "List servers by hypervisor.")
HYPERVISORS_STATISTICS = _rule("os-hypervisors:statistics", ADMIN, "Sum up the hypervisors.")
SERVICES_LIST = _rule("os-services:list", ADMIN, "List compute services.")
SERVICES_UPDATE = _rule("os-services:update", ADMIN, "Enable or disable a compute service.")
SERVICES_DELETE = _rule("os-services:delete", ADMIN, "Delete a compute service.")
LIMITS = _rule("limits", ANYONE, "Show limits and usage of the caller's project.")
LIMITS_OTHER = _rule("limits:other_project", ADMIN, "Show limits and usage of any project.")
QUOTAS_SHOW = _rule("os-quota-sets:show", PROJECT_READER_OR_ADMIN, "Show a project's quotas.")
QUOTAS_DETAIL = _rule("os-quota-sets:detail", PROJECT_READER_OR_ADMIN, "Show a project's quotas and usage.")
QUOTAS_DEFAULTS = _rule("os-quota-sets:defaults", ANYONE, "Show the default quotas.")
QUOTAS_UPDATE = _rule("os-quota-sets:update", ADMIN, "Set a project's quotas.")
QUOTAS_DELETE = _rule("os-quota-sets:delete", ADMIN, "Return a project to the default quotas.")
EXTENSIONS = _rule("extensions", ANYONE, "List the API's extensions.")
FLAVORS = _rule("flavors", ANYONE, "List and show the flavors that the caller's project may use.")
FLAVORS_ACCESS = _rule("os-flavor-access", ADMIN, "List the projects that may use a flavor.")
FLAVORS_GRANT = _rule("os-flavor-access:add_tenant_access", ADMIN, "Let a project use a flavor.")
FLAVORS_REVOKE = _rule("os-flavor-access:remove_tenant_access", ADMIN, "Keep a project from a flavor.")
FLAVORS_CREATE = _rule("os-flavor-manage:create", ADMIN, "Create a flavor.")
FLAVORS_UPDATE = _rule("os-flavor-manage:update", ADMIN, "Update a flavor.")
FLAVORS_DELETE = _rule("os-flavor-manage:delete", ADMIN, "Delete a flavor.")
SPECS_LIST = _rule("os-flavor-extra-specs:index", PROJECT_READER_OR_ADMIN, "List a flavor's extra specs.")
SPECS_SHOW = _rule("os-flavor-extra-specs:show", PROJECT_READER_OR_ADMIN, "Show an extra spec.")
SPECS_CREATE = _rule("os-flavor-extra-specs:create", ADMIN, "Add extra specs to a flavor.")
SPECS_UPDATE = _rule("os-flavor-extra-specs:update", ADMIN, "Set an extra spec of a flavor.")
SPECS_DELETE = _rule("os-flavor-extra-specs:delete", ADMIN, "Delete an extra spec of a flavor.")
KEYPAIRS_LIST = _rule("os-keypairs:index", _OWN_KEYS, "List a user's keypairs.")
KEYPAIRS_SHOW = _rule("os-keypairs:show", _OWN_KEYS, "Show a user's keypair.")
KEYPAIRS_CREATE = _rule("os-keypairs:create", _OWN_KEYS, "Create a keypair for a user.")
KEYPAIRS_DELETE = _rule("os-keypairs:delete", _OWN_KEYS, "Delete a user's keypair.")
USAGE_LIST = _rule("os-simple-tenant-usage:list", ADMIN, "Show what every project used.")
USAGE_SHOW = _rule("os-simple-tenant-usage:show", PROJECT_READER_OR_ADMIN, "Show what a project used.")
REBUILD = _rule("servers:rebuild", PROJECT_MEMBER_OR_ADMIN, "Make a server anew.")
RESIZE = _rule("servers:resize", PROJECT_MEMBER_OR_ADMIN, "Give a server another flavor.")
CONFIRM_RESIZE = _rule("servers:confirm_resize", PROJECT_MEMBER_OR_ADMIN, "Confirm a server's move.")
REVERT_RESIZE = _rule("servers:revert_resize", PROJECT_MEMBER_OR_ADMIN, "Take a server's move back.")
CRASH_DUMP = _rule("servers:trigger_crash_dump", PROJECT_MEMBER_OR_ADMIN, "Make a server's kernel crash.")
MIGRATE = _rule("os-migrate-server:migrate", PROJECT_MANAGER_OR_ADMIN, "Move a server to another host.")
MIGRATE_TO_HOST = _rule("os-migrate-server:migrate:host", ADMIN, "Move a server to a named host.")
MIGRATE_LIVE = _rule(
    "os-migrate-server:migrate_live", PROJECT_MANAGER_OR_ADMIN, "Move a server that runs to another host."
)
MIGRATE_LIVE_TO_HOST = _rule(
    "os-migrate-server:migrate_live:host", ADMIN, "Move a server that runs to a named host."
)
SCHEDULE_EXPLAIN = _rule(
    "compute:schedule:explain", ADMIN, "Ask where a server would go, host by host.", prefix="cumulo:"
)
EVACUATE = _rule("os-evacuate", ADMIN, "Make a server anew whose host is lost.")
JOURNEYS_LIST = _rule(
    "servers:migrations:index", PROJECT_MANAGER_OR_ADMIN, "List a server's live migrations."
)
JOURNEYS_HOSTS = _rule("servers:migrations:index:host", ADMIN, "See between which hosts they are.")
JOURNEYS_SHOW = _rule("servers:migrations:show", ADMIN, "Show a server's live migration.")
JOURNEYS_ABORT = _rule("servers:migrations:delete", PROJECT_MANAGER_OR_ADMIN, "Abort a live migration.")
JOURNEYS_COMPLETE = _rule(
    "servers:migrations:force_complete", PROJECT_MANAGER_OR_ADMIN, "Have a live migration end soon."
)
SUSPEND = _rule("os-suspend-server:suspend", PROJECT_MEMBER_OR_ADMIN, "Write a server's memory to disk.")
RESUME = _rule("os-suspend-server:resume", PROJECT_MEMBER_OR_ADMIN, "Let a suspended server go on.")
RESCUE = _rule("os-rescue", PROJECT_MEMBER_OR_ADMIN, "Boot a server from a rescue image.")
UNRESCUE = _rule("os-unrescue", PROJECT_MEMBER_OR_ADMIN, "Boot a rescued server from its own disk.")
SHELVE = _rule("os-shelve:shelve", PROJECT_MEMBER_OR_ADMIN, "Put a server on the shelf.")
SHELVE_OFFLOAD = _rule("os-shelve:shelve_offload", ADMIN, "Take a shelved server off its host.")
UNSHELVE = _rule("os-shelve:unshelve", PROJECT_MEMBER_OR_ADMIN, "Take a server off the shelf.")
UNSHELVE_TO_HOST = _rule("os-shelve:unshelve_to_host", ADMIN, "Take a server off the shelf on a named host.")
BACKUP = _rule("os-create-backup", PROJECT_MEMBER_OR_ADMIN, "Make a backup of a server, and rotate them.")
CHANGE_PASSWORD = _rule("os-admin-password", PROJECT_MEMBER_OR_ADMIN, "Set a server's password.")
PASSWORD_SHOW = _rule("os-server-password:show", PROJECT_READER_OR_ADMIN, "Show an encrypted password.")
PASSWORD_CLEAR = _rule("os-server-password:clear", PROJECT_MEMBER_OR_ADMIN, "Forget an encrypted password.")
DIAGNOSTICS = _rule("os-server-diagnostics", ADMIN, "See what a server's machine counts.")
INTERFACES_ATTACH = _rule("os-attach-interfaces:create", PROJECT_MEMBER_OR_ADMIN, "Attach a port.")
INTERFACES_DETACH = _rule("os-attach-interfaces:delete", PROJECT_MEMBER_OR_ADMIN, "Detach a port.")
FIXED_IP_ADD = _rule("os-multinic:add", PROJECT_MEMBER_OR_ADMIN, "Give a server an address (until 2.43).")
FIXED_IP_REMOVE = _rule("os-multinic:remove", PROJECT_MEMBER_OR_ADMIN, "Take an address (until 2.43).")
FLOATING_IP_ADD = _rule(
    "os-floating-ips:add", PROJECT_MEMBER_OR_ADMIN, "Lead a floating address to a server (until 2.43)."
)
FLOATING_IP_REMOVE = _rule(
    "os-floating-ips:remove", PROJECT_MEMBER_OR_ADMIN, "Lead it there no longer (until 2.43)."
)
MIGRATIONS = _rule("os-migrations:index", PROJECT_MANAGER_OR_ADMIN, "List one's project's migrations.")
MIGRATIONS_ALL = _rule("os-migrations:index:all_projects", ADMIN, "List all projects' migrations.")
MIGRATIONS_HOSTS = _rule("os-migrations:index:host", ADMIN, "See between which hosts migrations are.")
AGGREGATES_CREATE = _rule("os-aggregates:create", ADMIN, "Create a host aggregate.")
AGGREGATES_SHOW = _rule("os-aggregates:show", ADMIN, "Show a host aggregate.")
AGGREGATES_UPDATE = _rule("os-aggregates:update", ADMIN, "Rename an aggregate, or change its zone.")
AGGREGATES_DELETE = _rule("os-aggregates:delete", ADMIN, "Delete a host aggregate.")
AGGREGATES_ADD = _rule("os-aggregates:add_host", ADMIN, "Put a host into an aggregate.")
AGGREGATES_REMOVE = _rule("os-aggregates:remove_host", ADMIN, "Take a host out of an aggregate.")
AGGREGATES_METADATA = _rule("os-aggregates:set_metadata", ADMIN, "Say what an aggregate's hosts share.")
AGGREGATES_IMAGES = _rule(
    "compute:aggregates:images", ADMIN, "Have images ready on an aggregate's hosts.", prefix=""
)
GROUPS_OF_SERVERS_ALL = _rule(
    "os-server-groups:index:all_projects", ADMIN, "List server groups of all projects."
)
GROUPS_OF_SERVERS_SHOW = _rule("os-server-groups:show", PROJECT_READER_OR_ADMIN, "Show a server group.")
GROUPS_OF_SERVERS_CREATE = _rule("os-server-groups:create", PROJECT_MEMBER_OR_ADMIN, "Create a server group.")
GROUPS_OF_SERVERS_DELETE = _rule("os-server-groups:delete", PROJECT_MEMBER_OR_ADMIN, "Delete a server group.")
IMAGES = _rule("images", ANYONE, "See and change the images that the caller's project may (until 2.35).")
HOSTS_LIST = _rule("os-hosts:list", ADMIN, "List hosts (until 2.42).")
HOSTS_SHOW = _rule("os-hosts:show", ADMIN, "Show a host (until 2.42).")
HOSTS_UPDATE = _rule("os-hosts:update", ADMIN, "Enable or disable a host (until 2.42).")
HOSTS_REBOOT = _rule("os-hosts:reboot", ADMIN, "Reboot a host (until 2.42).")
HOSTS_SHUTDOWN = _rule("os-hosts:shutdown", ADMIN, "Turn a host off (until 2.42).")
HOSTS_START = _rule("os-hosts:start", ADMIN, "Turn a host on (until 2.42).")
NETWORKS_LIST = _rule("os-networks:list", PROJECT_READER_OR_ADMIN, "List networks (until 2.35).")
NETWORKS_SHOW = _rule("os-networks:show", PROJECT_READER_OR_ADMIN, "Show a network (until 2.35).")
PROJECT_NETWORKS_LIST = _rule(
    "os-tenant-networks:list", PROJECT_READER_OR_ADMIN, "List a project's networks (until 2.35)."
)
PROJECT_NETWORKS_SHOW = _rule(
    "os-tenant-networks:show", PROJECT_READER_OR_ADMIN, "Show a project's network (until 2.35)."
)
FLOATING_IP_POOLS = _rule("os-floating-ip-pools", ANYONE, "List pools of floating IPs (until 2.35).")
FLOATING_IPS_LIST = _rule("os-floating-ips:list", PROJECT_READER_OR_ADMIN, "List floating IPs (until 2.35).")
FLOATING_IPS_SHOW = _rule("os-floating-ips:show", PROJECT_READER_OR_ADMIN, "Show a floating IP (until 2.35).")
FLOATING_IPS_CREATE = _rule(
    "os-floating-ips:create", PROJECT_MEMBER_OR_ADMIN, "Take a floating IP (until 2.35)."
)
FLOATING_IPS_DELETE = _rule(
    "os-floating-ips:delete", PROJECT_MEMBER_OR_ADMIN, "Give a floating IP back (until 2.35)."
)
BAREMETAL_LIST = _rule("os-baremetal-nodes:list", ADMIN, "List bare metal nodes (until 2.35).")
BAREMETAL_SHOW = _rule("os-baremetal-nodes:show", ADMIN, "Show a bare metal node (until 2.35).")
USAGE_AUDITS_LIST = _rule("os-instance-usage-audit-log:list", ADMIN, "Tell of the last audits of usage.")
USAGE_AUDITS_SHOW = _rule("os-instance-usage-audit-log:show", ADMIN, "Tell of audits before an instant.")
ASSISTED_CREATE = _rule(
    "os-assisted-volume-snapshots:create", ADMIN_OR_SERVICE, "Have a host take a volume's snapshot."
)
ASSISTED_DELETE = _rule(
    "os-assisted-volume-snapshots:delete", ADMIN_OR_SERVICE, "Have a host delete a volume's snapshot."
)
SHARES_LIST = _rule("os-server-shares:index", PROJECT_READER_OR_ADMIN, "List a server's shares.")
SHARES_SHOW = _rule("os-server-shares:show", PROJECT_READER_OR_ADMIN, "Show a share of a server.")
SHARES_ATTACH = _rule("os-server-shares:create", PROJECT_MEMBER_OR_ADMIN, "Attach a share to a server.")
SHARES_DETACH = _rule("os-server-shares:delete", PROJECT_MEMBER_OR_ADMIN, "Detach a share from a server.")
RESTORE = _rule("os-deferred-delete:restore", PROJECT_MEMBER_OR_ADMIN, "Restore a softly deleted server.")
REMOVED = _rule("removed", ANYONE, "Be told that a call was given up.")
HYPERVISORS_UPTIME = _rule("os-hypervisors:uptime", ADMIN, "Say since when a host runs (until 2.87).")
EVENTS_CREATE = _rule(
    "os-server-external-events:create", ADMIN_OR_SERVICE, "Tell of what happened to servers."
)
QUOTA_CLASSES_SHOW = _rule("os-quota-class-sets:show", ADMIN, "Show the quotas of a class.")
QUOTA_CLASSES_UPDATE = _rule("os-quota-class-sets:update", ADMIN, "Set the quotas of a class.")
TOPOLOGY = _rule(
    "compute:server:topology:index", PROJECT_READER_OR_ADMIN, "See how a server lies on its host.", prefix=""
)
CONSOLE_TOKENS = _rule("os-console-auth-tokens", ADMIN, "See what a console's token is for.")

RULES = tuple(_all)
