"""Identity's rules: Keystone's names and defaults."""

from cumulo.core.auth import Rule

ADMIN = "rule:admin_required"
SYSTEM_READER = "role:reader and system_scope:all"
OWNER = "user_id:%(user_id)s"
_LOOK = f"({ADMIN}) or ({SYSTEM_READER})"
_SCOPES = ("system", "domain", "project")
_OF_NO_DOMAIN = ("system", "project")

RULES: tuple[Rule, ...] = ()


def _rule(name: str, default: str, description: str, scopes: tuple[str, ...] | None = None) -> Rule:
    """Declare a rule. What is only for who sees or runs the whole cloud takes no token of a domain."""
    global RULES  # noqa: PLW0603  the tuple is complete once the module is read
    if scopes is None:
        scopes = _OF_NO_DOMAIN if default in (ADMIN, _LOOK) else _SCOPES
    rule = Rule(f"identity:{name}", default, description, scopes)
    RULES = (*RULES, rule)
    return rule


def _read_in(noun: str) -> str:
    return f"{_LOOK} or (role:reader and domain_id:%(target.{noun}domain_id)s)"


def _manage_in(*nouns: str) -> str:
    within = " and ".join(f"domain_id:%(target.{noun}.domain_id)s" for noun in nouns)
    return f"({ADMIN}) or (role:manager and {within})"


# Base rules in identity's words. `owner` means something else in other services, so it is written out.
BASE = (
    Rule("service_or_admin", "rule:admin_required or rule:service_role", "A service or the administrator."),
    Rule("token_subject", "user_id:%(target.token.user_id)s", "Whom the token is about."),
    Rule("admin_or_token_subject", "rule:admin_required or rule:token_subject", "Or the administrator."),
    Rule("service_admin_or_token_subject", "rule:service_or_admin or rule:token_subject", "Or a service."),
    Rule(
        "domain_managed_target_role",
        "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
        "The roles that a manager of a domain may hand out.",
    ),
)

VALIDATE_TOKEN = _rule(
    "validate_token", f"{_LOOK} or rule:service_role or rule:token_subject", "Look at a token."
)
CHECK_TOKEN = _rule("check_token", f"{_LOOK} or rule:token_subject", "Check a token.")
REVOKE_TOKEN = _rule("revoke_token", "rule:admin_or_token_subject", "Revoke a token.")
LIST_REVOKE_EVENTS = _rule(
    "list_revoke_events", "rule:service_or_admin", "List which tokens were revoked.", _OF_NO_DOMAIN
)
GET_AUTH_CATALOG = _rule("get_auth_catalog", "", "See the catalog.", ())
GET_AUTH_PROJECTS = _rule("get_auth_projects", "", "See the projects that one may log in to.", ())
GET_AUTH_DOMAINS = _rule("get_auth_domains", "", "See the domains that one may log in to.", ())
GET_AUTH_SYSTEM = _rule("get_auth_system", "", "See whether one may log in to the system.", ())

GET_USER = _rule("get_user", f"{_read_in('user.')} or user_id:%(target.user.id)s", "See a user.")
LIST_USERS = _rule("list_users", _read_in(""), "List users.")
CREATE_USER = _rule("create_user", _manage_in("user"), "Create a user.")
UPDATE_USER = _rule("update_user", _manage_in("user"), "Change a user, a password reset included.")
DELETE_USER = _rule("delete_user", _manage_in("user"), "Delete a user.")
LIST_USER_PROJECTS = _rule(
    "list_user_projects", f"{_read_in('user.')} or user_id:%(target.user.id)s", "List a user's projects."
)

GET_GROUP = _rule("get_group", _read_in("group."), "See a group.")
LIST_GROUPS = _rule("list_groups", _read_in(""), "List groups.")
LIST_GROUPS_FOR_USER = _rule(
    "list_groups_for_user", f"{_read_in('user.')} or user_id:%(target.user.id)s", "List a user's groups."
)
CREATE_GROUP = _rule("create_group", _manage_in("group"), "Create a group.")
UPDATE_GROUP = _rule("update_group", _manage_in("group"), "Change a group.")
DELETE_GROUP = _rule("delete_group", _manage_in("group"), "Delete a group.")
LIST_USERS_IN_GROUP = _rule("list_users_in_group", _read_in("group."), "List a group's users.")
CHECK_USER_IN_GROUP = _rule(
    "check_user_in_group",
    f"{_read_in('group.')[:-1]} and domain_id:%(target.user.domain_id)s)",
    "See whether a user is in a group.",
)
_MEMBERS = _manage_in("group", "user")
ADD_USER_TO_GROUP = _rule("add_user_to_group", _MEMBERS, "Add a user to a group.")
REMOVE_USER_FROM_GROUP = _rule("remove_user_from_group", _MEMBERS, "Remove a user from a group.")

GET_PROJECT = _rule(
    "get_project", f"{_read_in('project.')} or project_id:%(target.project.id)s", "See a project."
)
LIST_PROJECTS = _rule("list_projects", _read_in(""), "List projects.")
CREATE_PROJECT = _rule("create_project", _manage_in("project"), "Create a project.")
UPDATE_PROJECT = _rule("update_project", _manage_in("project"), "Change a project.")
DELETE_PROJECT = _rule("delete_project", _manage_in("project"), "Delete a project.")
PURGE_PROJECT = _rule("purge_project", DELETE_PROJECT.default, "Remove all that a project owns, and it.")
_TAGS = f"({ADMIN}) or (role:manager and domain_id:%(target.project.domain_id)s)"
LIST_PROJECT_TAGS = _rule("list_project_tags", GET_PROJECT.default, "List a project's tags.")
GET_PROJECT_TAG = _rule("get_project_tag", GET_PROJECT.default, "See whether a project has a tag.")
UPDATE_PROJECT_TAGS = _rule("update_project_tags", _TAGS, "Replace a project's tags.")
CREATE_PROJECT_TAG = _rule("create_project_tag", _TAGS, "Add a tag to a project.")
DELETE_PROJECT_TAGS = _rule("delete_project_tags", _TAGS, "Remove a project's tags.")
DELETE_PROJECT_TAG = _rule("delete_project_tag", _TAGS, "Remove a tag from a project.")

GET_DOMAIN = _rule(
    "get_domain",
    f"{_LOOK} or domain_id:%(target.domain.id)s or project_domain_id:%(target.domain.id)s",
    "See a domain.",
)
LIST_DOMAINS = _rule(
    "list_domains", f"{_LOOK} or (role:reader and domain_id:%(target.domain.id)s)", "List domains."
)
CREATE_DOMAIN = _rule("create_domain", ADMIN, "Create a domain.")
UPDATE_DOMAIN = _rule("update_domain", ADMIN, "Change a domain.")
DELETE_DOMAIN = _rule("delete_domain", ADMIN, "Delete a domain.")

GET_ROLE = _rule("get_role", f"{_LOOK} or (role:manager and rule:domain_managed_target_role)", "See a role.")
LIST_ROLES = _rule("list_roles", f"{_LOOK} or (role:manager and not domain_id:None)", "List roles.")
CREATE_ROLE = _rule("create_role", ADMIN, "Create a role.")
UPDATE_ROLE = _rule("update_role", ADMIN, "Change a role.")
DELETE_ROLE = _rule("delete_role", ADMIN, "Delete a role.")
GET_DOMAIN_ROLE = _rule("get_domain_role", _LOOK, "See a domain's own role.")
LIST_DOMAIN_ROLES = _rule("list_domain_roles", _LOOK, "List a domain's own roles.")
CREATE_DOMAIN_ROLE = _rule("create_domain_role", ADMIN, "Create a domain's own role.")
UPDATE_DOMAIN_ROLE = _rule("update_domain_role", ADMIN, "Change a domain's own role.")
DELETE_DOMAIN_ROLE = _rule("delete_domain_role", ADMIN, "Delete a domain's own role.")
GET_IMPLIED_ROLE = _rule("get_implied_role", _LOOK, "See an implication.")
LIST_IMPLIED_ROLES = _rule("list_implied_roles", _LOOK, "List what a role implies.")
CREATE_IMPLIED_ROLE = _rule("create_implied_role", ADMIN, "Have a role imply another.")
DELETE_IMPLIED_ROLE = _rule("delete_implied_role", ADMIN, "End an implication.")
LIST_ROLE_INFERENCE_RULES = _rule("list_role_inference_rules", _LOOK, "List all implications.")
CHECK_IMPLIED_ROLE = _rule("check_implied_role", _LOOK, "Check an implication.")

_BOTH = " or ".join(
    f"(domain_id:%(target.{actor}.domain_id)s and domain_id:%(target.{target})s)"
    for actor in ("user", "group")
    for target in ("project.domain_id", "domain.id")
)
_READ_GRANTS = f"{_LOOK} or (role:reader and ({_BOTH}))"
_CHECK_GRANTS = (
    f"{_READ_GRANTS[:-1]} and (domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s))"
)
_MANAGE_GRANTS = f"({ADMIN}) or (role:manager and ({_BOTH}) and rule:domain_managed_target_role)"
CHECK_GRANT = _rule("check_grant", _CHECK_GRANTS, "See whether a role is assigned.")
LIST_GRANTS = _rule("list_grants", _READ_GRANTS, "List the roles assigned to a user or group on a target.")
CREATE_GRANT = _rule("create_grant", _MANAGE_GRANTS, "Assign a role.")
REVOKE_GRANT = _rule("revoke_grant", _MANAGE_GRANTS, "Take a role away.")
LIST_SYSTEM_GRANTS_FOR_USER = _rule(
    "list_system_grants_for_user", _LOOK, "List a user's roles on the system."
)
CHECK_SYSTEM_GRANT_FOR_USER = _rule("check_system_grant_for_user", _LOOK, "Check a role on the system.")
CREATE_SYSTEM_GRANT_FOR_USER = _rule("create_system_grant_for_user", ADMIN, "Assign a role on the system.")
REVOKE_SYSTEM_GRANT_FOR_USER = _rule("revoke_system_grant_for_user", ADMIN, "Take away a role on the system.")
LIST_SYSTEM_GRANTS_FOR_GROUP = _rule("list_system_grants_for_group", _LOOK, "As for users.")
CHECK_SYSTEM_GRANT_FOR_GROUP = _rule("check_system_grant_for_group", _LOOK, "As for users.")
CREATE_SYSTEM_GRANT_FOR_GROUP = _rule("create_system_grant_for_group", ADMIN, "As for users.")
REVOKE_SYSTEM_GRANT_FOR_GROUP = _rule("revoke_system_grant_for_group", ADMIN, "As for users.")
LIST_ROLE_ASSIGNMENTS = _rule("list_role_assignments", _read_in(""), "List role assignments.")
LIST_ASSIGNMENTS_FOR_TREE = _rule(
    "list_role_assignments_for_tree", _read_in(""), "List role assignments on a project and all below."
)

GET_SERVICE = _rule("get_service", _LOOK, "See a service.")
LIST_SERVICES = _rule("list_services", _LOOK, "List services.")
CREATE_SERVICE = _rule("create_service", ADMIN, "Create a service.")
UPDATE_SERVICE = _rule("update_service", ADMIN, "Change a service.")
DELETE_SERVICE = _rule("delete_service", ADMIN, "Delete a service.")
GET_ENDPOINT = _rule("get_endpoint", _LOOK, "See an endpoint.")
LIST_ENDPOINTS = _rule("list_endpoints", _LOOK, "List endpoints.")
CREATE_ENDPOINT = _rule("create_endpoint", ADMIN, "Create an endpoint.")
UPDATE_ENDPOINT = _rule("update_endpoint", ADMIN, "Change an endpoint.")
DELETE_ENDPOINT = _rule("delete_endpoint", ADMIN, "Delete an endpoint.")
GET_REGION = _rule("get_region", "", "See a region.")
LIST_REGIONS = _rule("list_regions", "", "List regions.")
CREATE_REGION = _rule("create_region", ADMIN, "Create a region.")
UPDATE_REGION = _rule("update_region", ADMIN, "Change a region.")
DELETE_REGION = _rule("delete_region", ADMIN, "Delete a region.")

_READ_OWN = f"{_LOOK} or {OWNER}"
_MANAGE_OWN = f"({ADMIN}) or {OWNER}"
GET_APPLICATION_CREDENTIAL = _rule(
    "get_application_credential", _READ_OWN, "See an application credential.", _OF_NO_DOMAIN
)
LIST_APPLICATION_CREDENTIALS = _rule(
    "list_application_credentials", _READ_OWN, "List a user's.", _OF_NO_DOMAIN
)
CREATE_APPLICATION_CREDENTIAL = _rule(
    "create_application_credential", OWNER, "Create one for oneself.", ("project",)
)
DELETE_APPLICATION_CREDENTIAL = _rule(
    "delete_application_credential", _MANAGE_OWN, "Delete one.", _OF_NO_DOMAIN
)
# Of the rules below, a project's administrator sees only its own: upstream asks for the system's.
_READ_RULES = f"({SYSTEM_READER}) or {OWNER}"
GET_ACCESS_RULE = _rule("get_access_rule", _READ_RULES, "See an access rule.", _OF_NO_DOMAIN)
LIST_ACCESS_RULES = _rule("list_access_rules", _READ_RULES, "List a user's access rules.", _OF_NO_DOMAIN)
DELETE_ACCESS_RULE = _rule(
    "delete_access_rule",
    f"(role:admin and system_scope:all) or {OWNER}",
    "Delete an access rule.",
    _OF_NO_DOMAIN,
)

_SEE_SECRET = f"{_LOOK} or user_id:%(target.credential.user_id)s"
_KEEP_SECRET = f"({ADMIN}) or user_id:%(target.credential.user_id)s"
GET_CREDENTIAL = _rule("get_credential", _SEE_SECRET, "See a credential.")
LIST_CREDENTIALS = _rule("list_credentials", _SEE_SECRET, "List credentials.")
CREATE_CREDENTIAL = _rule("create_credential", _KEEP_SECRET, "Create a credential.")
UPDATE_CREDENTIAL = _rule("update_credential", _KEEP_SECRET, "Change a credential.")
DELETE_CREDENTIAL = _rule("delete_credential", _KEEP_SECRET, "Delete a credential.")
_KEEP_KEY = f"({ADMIN}) or (role:member and user_id:%(target.credential.user_id)s)"
EC2_GET_CREDENTIAL = _rule("ec2_get_credential", _SEE_SECRET, "See an EC2 credential.", _OF_NO_DOMAIN)
EC2_LIST_CREDENTIALS = _rule(
    "ec2_list_credentials", _READ_OWN, "List a user's EC2 credentials.", _OF_NO_DOMAIN
)
EC2_CREATE_CREDENTIAL = _rule("ec2_create_credential", _KEEP_KEY, "Create an EC2 credential.", _OF_NO_DOMAIN)
EC2_DELETE_CREDENTIAL = _rule("ec2_delete_credential", _KEEP_KEY, "Delete an EC2 credential.", _OF_NO_DOMAIN)
EC2TOKENS_VALIDATE = _rule(
    "ec2tokens_validate", "rule:service_or_admin", "Trade an EC2 signature for a token."
)
S3TOKENS_VALIDATE = _rule("s3tokens_validate", "rule:service_or_admin", "Trade an S3 signature for a token.")

GET_POLICY = _rule("get_policy", _LOOK, "See a policy.")
LIST_POLICIES = _rule("list_policies", _LOOK, "List policies.")
CREATE_POLICY = _rule("create_policy", ADMIN, "Create a policy.")
UPDATE_POLICY = _rule("update_policy", ADMIN, "Change a policy.")
DELETE_POLICY = _rule("delete_policy", ADMIN, "Delete a policy.")

_TRUSTOR = "user_id:%(target.trust.trustor_user_id)s"
_TRUSTEE = "user_id:%(target.trust.trustee_user_id)s"
_SEE_TRUST = f"{_LOOK} or {_TRUSTOR} or {_TRUSTEE}"
CREATE_TRUST = _rule("create_trust", _TRUSTOR, "Trust somebody.", ("project",))
ASK_FOR_TRUSTS = _rule("ask_for_trusts", "", "Ask for trusts; for which, the rules below say.", ())
LIST_TRUSTS = _rule("list_trusts", _LOOK, "List all trusts.")
LIST_TRUSTS_FOR_TRUSTOR = _rule(
    "list_trusts_for_trustor", f"{_LOOK} or {_TRUSTOR}", "List whom one trusts.", _OF_NO_DOMAIN
)
LIST_TRUSTS_FOR_TRUSTEE = _rule(
    "list_trusts_for_trustee", f"{_LOOK} or {_TRUSTEE}", "List by whom one is.", _OF_NO_DOMAIN
)
GET_TRUST = _rule("get_trust", _SEE_TRUST, "See a trust.", _OF_NO_DOMAIN)
DELETE_TRUST = _rule("delete_trust", f"({ADMIN}) or {_TRUSTOR}", "End a trust.", _OF_NO_DOMAIN)
LIST_ROLES_FOR_TRUST = _rule("list_roles_for_trust", _SEE_TRUST, "List the roles of a trust.", _OF_NO_DOMAIN)
GET_ROLE_FOR_TRUST = _rule("get_role_for_trust", _SEE_TRUST, "See whether a trust has a role.", _OF_NO_DOMAIN)

_LIMIT = (
    "domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s "
    "or project_id:%(target.limit.project_id)s"
)
GET_LIMIT_MODEL = _rule("get_limit_model", "", "See how limits relate to each other.", ())
GET_REGISTERED_LIMIT = _rule("get_registered_limit", "", "See a registered limit.", ())
LIST_REGISTERED_LIMITS = _rule("list_registered_limits", "", "List registered limits.", ())
CREATE_REGISTERED_LIMITS = _rule("create_registered_limits", ADMIN, "Register limits.")
UPDATE_REGISTERED_LIMIT = _rule("update_registered_limit", ADMIN, "Change a registered limit.")
DELETE_REGISTERED_LIMIT = _rule("delete_registered_limit", ADMIN, "Delete a registered limit.")
GET_LIMIT = _rule("get_limit", f"{_LOOK} or ({_LIMIT})", "See a limit.")
LIST_LIMITS = _rule("list_limits", "", "List limits: one's own, or all for who may see each.", ())
CREATE_LIMITS = _rule("create_limits", ADMIN, "Create limits.")
UPDATE_LIMIT = _rule("update_limit", ADMIN, "Change a limit.")
DELETE_LIMIT = _rule("delete_limit", ADMIN, "Delete a limit.")

LIST_ENDPOINT_GROUPS = _rule("list_endpoint_groups", _LOOK, "List endpoint groups.")
GET_ENDPOINT_GROUP = _rule("get_endpoint_group", _LOOK, "See an endpoint group.")
CREATE_ENDPOINT_GROUP = _rule("create_endpoint_group", ADMIN, "Create an endpoint group.")
UPDATE_ENDPOINT_GROUP = _rule("update_endpoint_group", ADMIN, "Change an endpoint group.")
DELETE_ENDPOINT_GROUP = _rule("delete_endpoint_group", ADMIN, "Delete an endpoint group.")
LIST_PROJECTS_OF_GROUP = _rule(
    "list_projects_associated_with_endpoint_group", _LOOK, "List the projects that see a group."
)
LIST_ENDPOINTS_OF_GROUP = _rule(
    "list_endpoints_associated_with_endpoint_group", _LOOK, "List the endpoints of a group."
)
GET_GROUP_IN_PROJECT = _rule("get_endpoint_group_in_project", _LOOK, "See whether a project sees a group.")
LIST_GROUPS_FOR_PROJECT = _rule("list_endpoint_groups_for_project", _LOOK, "List a project's groups.")
ADD_GROUP_TO_PROJECT = _rule("add_endpoint_group_to_project", ADMIN, "Show a group to a project.")
REMOVE_GROUP_FROM_PROJECT = _rule("remove_endpoint_group_from_project", ADMIN, "Hide it again.")
LIST_PROJECTS_FOR_ENDPOINT = _rule("list_projects_for_endpoint", _LOOK, "List who sees an endpoint.")
ADD_ENDPOINT_TO_PROJECT = _rule("add_endpoint_to_project", ADMIN, "Show an endpoint to a project.")
CHECK_ENDPOINT_IN_PROJECT = _rule("check_endpoint_in_project", _LOOK, "See whether a project sees one.")
LIST_ENDPOINTS_FOR_PROJECT = _rule("list_endpoints_for_project", _LOOK, "List what a project sees.")
REMOVE_ENDPOINT_FROM_PROJECT = _rule("remove_endpoint_from_project", ADMIN, "Hide an endpoint again.")

PLACE_RULES = {
    (verb, place): _rule(f"{verb}_policy_association_for_{place}", rule, f"{told} {where}.")
    for verb, rule, told in (
        ("create", ADMIN, "Have a policy count for"),
        ("check", _LOOK, "See whether a policy counts for"),
        ("delete", ADMIN, "Have a policy no longer count for"),
    )
    for place, where in (
        ("endpoint", "an endpoint"),
        ("service", "a service"),
        ("region_and_service", "a service in a region"),
    )
}
GET_POLICY_FOR_ENDPOINT = _rule("get_policy_for_endpoint", _LOOK, "See which policy counts for an endpoint.")
LIST_ENDPOINTS_FOR_POLICY = _rule("list_endpoints_for_policy", _LOOK, "List where a policy counts.")

GET_DOMAIN_CONFIG = _rule("get_domain_config", _LOOK, "See a domain's configuration.")
GET_DOMAIN_CONFIG_DEFAULT = _rule("get_domain_config_default", _LOOK, "See what it is by default.")
GET_SECURITY_COMPLIANCE = _rule(
    "get_security_compliance_domain_config", "", "See the rules on passwords.", ()
)
CREATE_DOMAIN_CONFIG = _rule("create_domain_config", ADMIN, "Configure a domain.")
UPDATE_DOMAIN_CONFIG = _rule("update_domain_config", ADMIN, "Change a domain's configuration.")
DELETE_DOMAIN_CONFIG = _rule("delete_domain_config", ADMIN, "Delete a domain's configuration.")

CREATE_CONSUMER = _rule("create_consumer", ADMIN, "Create an OAuth consumer.")
GET_CONSUMER = _rule("get_consumer", _LOOK, "See an OAuth consumer.")
LIST_CONSUMERS = _rule("list_consumers", _LOOK, "List OAuth consumers.")
UPDATE_CONSUMER = _rule("update_consumer", ADMIN, "Change an OAuth consumer.")
DELETE_CONSUMER = _rule("delete_consumer", ADMIN, "Delete an OAuth consumer.")
_IN_PROJECT = ("project",)
AUTHORIZE_REQUEST_TOKEN = _rule(
    "authorize_request_token", ADMIN, "Grant what an OAuth consumer asks.", _IN_PROJECT
)
GET_ACCESS_TOKEN = _rule("get_access_token", ADMIN, "See what was granted by OAuth.", _IN_PROJECT)
LIST_ACCESS_TOKENS = _rule("list_access_tokens", ADMIN, "List what was granted by OAuth.", _IN_PROJECT)
DELETE_ACCESS_TOKEN = _rule("delete_access_token", ADMIN, "End what was granted by OAuth.", _IN_PROJECT)
GET_ACCESS_TOKEN_ROLE = _rule("get_access_token_role", ADMIN, "See a role of an access token.", _IN_PROJECT)
LIST_ACCESS_TOKEN_ROLES = _rule(
    "list_access_token_roles", ADMIN, "List the roles of an access token.", _IN_PROJECT
)

EXPLAIN_POLICY = _rule("explain_policy", ADMIN, "Ask why a user may or may not do something.")
ROTATE_KEYS = _rule("rotate_keys", ADMIN, "Make new keys for tokens and credentials.")
LIST_AUDIT_EVENTS = _rule(
    "list_audit_events",
    f"{_LOOK} or (role:reader and domain_id:%(target.domain_id)s) "
    "or (role:manager and project_id:%(target.project_id)s)",
    "See who changed what: in all of the cloud, in a domain, in a project.",
)

RULES = (*BASE, *RULES)
