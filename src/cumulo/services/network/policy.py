"""The network service's rules: neutron's names and defaults, so that an operator's `policy.yaml` works."""

from cumulo.core.auth import (
    ANYONE,
    PROJECT_MANAGER_OR_ADMIN,
    PROJECT_MEMBER,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER_OR_ADMIN,
    SERVICE,
    Rule,
)

ADMIN_ONLY = "rule:admin_only"
OR_SERVICE = f"{ADMIN_ONLY} or {SERVICE}"
MEMBER_OWNING_NETWORK = "(role:member and rule:network_owner)"
OWNER_OF_NETWORK = f"{OR_SERVICE} or {MEMBER_OWNING_NETWORK}"
#: What a caller sees at all is each resource's scope: its project's, what is shared with it, or nothing.
READER = f"role:reader or {ADMIN_ONLY}"
READER_OR_SERVICE = f"{READER} or {SERVICE}"
_SCOPES = ("project",)
_all: list[Rule] = []


def _rule(name: str, default: str, description: str) -> Rule:
    rule = Rule(name, default, description, _SCOPES)
    _all.append(rule)
    return rule


def _crud(kind: str, words: str, *, read: str = PROJECT_READER_OR_ADMIN) -> tuple[Rule, Rule, Rule, Rule]:
    """Declare who may create, see, change and delete one kind of resource."""
    return (
        _rule(f"create_{kind}", PROJECT_MEMBER_OR_ADMIN, f"Create a {words}."),
        _rule(f"get_{kind}", read, f"See a {words}."),
        _rule(f"update_{kind}", PROJECT_MEMBER_OR_ADMIN, f"Change a {words}."),
        _rule(f"delete_{kind}", PROJECT_MEMBER_OR_ADMIN, f"Delete a {words}."),
    )


def _kept(kind: str, words: str) -> tuple[Rule, Rule, Rule, Rule]:
    """Declare a kind of resource that is for administrators alone."""
    return (
        _rule(f"create_{kind}", ADMIN_ONLY, f"Create a {words}."),
        _rule(f"get_{kind}", READER, f"See a {words}: others than administrators find none."),
        _rule(f"update_{kind}", ADMIN_ONLY, f"Change a {words}."),
        _rule(f"delete_{kind}", ADMIN_ONLY, f"Delete a {words}."),
    )


def _guards(verb: str, kind: str, *names: str, default: str = ADMIN_ONLY) -> tuple[Rule, ...]:
    """Declare attributes that only an administrator (or whom `default` names) may send."""
    return tuple(
        _rule(f"{verb}_{kind}:{name}", default, f"Say {name} of a {kind} ({verb}).") for name in names
    )


_rule("network_owner", "project_id:%(network:project_id)s", "Whoever owns the network that a port is on.")


CREATE_NETWORK, GET_NETWORK, UPDATE_NETWORK, DELETE_NETWORK = _crud(
    "network", "network", read=READER_OR_SERVICE
)
CREATE_NETWORK_SHARED, CREATE_NETWORK_EXTERNAL, CREATE_NETWORK_DEFAULT, CREATE_NETWORK_PROVIDER = _guards(
    "create", "network", "shared", "router:external", "is_default", "provider:network_type"
)
UPDATE_NETWORK_SHARED, UPDATE_NETWORK_EXTERNAL, UPDATE_NETWORK_DEFAULT = _guards(
    "update", "network", "shared", "router:external", "is_default"
)
(CREATE_NETWORK_SEGMENTS,) = _guards("create", "network", "segments")
GET_NETWORK_SEGMENTS = _rule("get_network:segments", ADMIN_ONLY, "See what a network consists of.")
GET_NETWORK_PROVIDER = _rule("get_network:provider:network_type", ADMIN_ONLY, "See a network's provider.")

CREATE_SUBNET, GET_SUBNET, UPDATE_SUBNET, DELETE_SUBNET = _crud("subnet", "subnet", read=READER_OR_SERVICE)

(CREATE_SUBNET_SEGMENT,) = _guards("create", "subnet", "segment_id")
(UPDATE_SUBNET_SEGMENT,) = _guards("update", "subnet", "segment_id")
GET_SUBNET_SEGMENT = _rule("get_subnet:segment_id", ADMIN_ONLY, "See which segment a subnet is on.")

CREATE_POOL, GET_POOL, UPDATE_POOL, DELETE_POOL = _crud("subnetpool", "subnet pool", read=READER)
CREATE_POOL_SHARED, CREATE_POOL_DEFAULT = _guards("create", "subnetpool", "shared", "is_default")
(UPDATE_POOL_DEFAULT,) = _guards("update", "subnetpool", "is_default")

CREATE_PORT, GET_PORT, UPDATE_PORT = (
    _rule("create_port", f"{PROJECT_MEMBER_OR_ADMIN} or {SERVICE}", "Create a port."),
    _rule("get_port", READER_OR_SERVICE, "See a port."),
    _rule("update_port", f"{PROJECT_MEMBER_OR_ADMIN} or {SERVICE}", "Change a port."),
)
_rule("compute_device", "field:port:device_owner=~^compute:", "A port that a server has.")
DELETE_PORT = _rule(
    "delete_port",
    f"{OR_SERVICE} or (not rule:compute_device and ({PROJECT_MEMBER} or {MEMBER_OWNING_NETWORK}))",
    "Delete a port.",
)
_BINDING = ("binding:host_id", "binding:profile")
CREATE_PORT_HOST, CREATE_PORT_PROFILE = _guards("create", "port", *_BINDING, default=OR_SERVICE)
UPDATE_PORT_HOST, UPDATE_PORT_PROFILE, UPDATE_PORT_MAC = _guards(
    "update", "port", *_BINDING, "mac_address", default=OR_SERVICE
)
(UPDATE_PORT_DATA_PLANE,) = _guards("update", "port", "data_plane_status")
# What would let a guest pass for another on a network that is not its owner's.
_TRUST = ("device_owner", "fixed_ips:ip_address", "port_security_enabled", "allowed_address_pairs")
CREATE_PORT_TRUST = {
    name: _guards("create", "port", name, default=OWNER_OF_NETWORK)[0] for name in (*_TRUST, "mac_address")
}
UPDATE_PORT_TRUST = {name: _guards("update", "port", name, default=OWNER_OF_NETWORK)[0] for name in _TRUST}
GET_PORT_BINDING = _rule("get_port:binding:host_id", OR_SERVICE, "See where a port is bound.")
GET_PORT_DEMANDS = _rule("get_port:resource_request", ADMIN_ONLY, "See what a port asks of placement.")

CREATE_BINDING, GET_BINDING, DELETE_BINDING, ACTIVATE_BINDING = (
    _rule("create_port_binding", OR_SERVICE, "Let another host take a port over."),
    _rule("get_port_binding", OR_SERVICE, "See which hosts have a port."),
    _rule("delete_port_binding", OR_SERVICE, "Let a host have a port no longer."),
    _rule("activate", OR_SERVICE, "Have another host take a port over now."),
)

CREATE_ROUTER, GET_ROUTER, UPDATE_ROUTER, DELETE_ROUTER = _crud("router", "router")
GET_ROUTER_HA = _rule("get_router:ha", ADMIN_ONLY, "See how a router is realised.")
CREATE_ROUTER_DISTRIBUTED, CREATE_ROUTER_HA = _guards("create", "router", "distributed", "ha")
UPDATE_ROUTER_DISTRIBUTED, UPDATE_ROUTER_HA = _guards("update", "router", "distributed", "ha")
_MULTIHOMED = ("enable_default_route_ecmp", "enable_default_route_bfd")
CREATE_ROUTER_ECMP, CREATE_ROUTER_BFD = _guards("create", "router", *_MULTIHOMED)
UPDATE_ROUTER_ECMP, UPDATE_ROUTER_BFD = _guards("update", "router", *_MULTIHOMED)
(CREATE_ROUTER_NDP,) = _guards("create", "router", "enable_ndp_proxy", default=PROJECT_MEMBER_OR_ADMIN)
(UPDATE_ROUTER_NDP,) = _guards("update", "router", "enable_ndp_proxy", default=PROJECT_MEMBER_OR_ADMIN)
CREATE_ROUTER_SNAT = _rule(
    "create_router:external_gateway_info:enable_snat", ADMIN_ONLY, "Say whether a new router hides addresses."
)
UPDATE_ROUTER_SNAT = _rule(
    "update_router:external_gateway_info:enable_snat", ADMIN_ONLY, "Say whether a router hides addresses."
)
CREATE_ROUTER_FIXED = _rule(
    "create_router:external_gateway_info:external_fixed_ips", ADMIN_ONLY, "Choose a new gateway's address."
)
UPDATE_ROUTER_FIXED = _rule(
    "update_router:external_gateway_info:external_fixed_ips", ADMIN_ONLY, "Choose a gateway's address."
)
ADD_INTERFACE = _rule("add_router_interface", PROJECT_MEMBER_OR_ADMIN, "Connect a router to a subnet.")
REMOVE_INTERFACE = _rule("remove_router_interface", PROJECT_MEMBER_OR_ADMIN, "Disconnect a router.")
ADD_GATEWAYS, UPDATE_GATEWAYS, REMOVE_GATEWAYS = (
    _rule(f"{verb}_external_gateways", PROJECT_MEMBER_OR_ADMIN, f"Say a router's ways out ({verb}).")
    for verb in ("add", "update", "remove")
)
ADD_ROUTES = _rule("add_extraroutes", PROJECT_MEMBER_OR_ADMIN, "Add routes to a router.")
REMOVE_ROUTES = _rule("remove_extraroutes", PROJECT_MEMBER_OR_ADMIN, "Take routes from a router.")

CREATE_FIP, GET_FIP, UPDATE_FIP, DELETE_FIP = _crud("floatingip", "floating IP")
(CREATE_FIP_ADDRESS,) = _guards(
    "create", "floatingip", "floating_ip_address", default=PROJECT_MANAGER_OR_ADMIN
)
(CREATE_FIP_DISTRIBUTED,) = _guards("create", "floatingip", "distributed")
(UPDATE_FIP_DISTRIBUTED,) = _guards("update", "floatingip", "distributed")
GET_FIP_DISTRIBUTED = _rule("get_floatingip:distributed", ADMIN_ONLY, "See where it is translated.")

CREATE_GROUP, GET_GROUP, UPDATE_GROUP, DELETE_GROUP = _crud("security_group", "security group", read=READER)
CREATE_RULE = _rule("create_security_group_rule", PROJECT_MEMBER_OR_ADMIN, "Create a rule of a group.")
GET_RULE = _rule("get_security_group_rule", PROJECT_READER_OR_ADMIN, "See a rule of a group.")
DELETE_RULE = _rule("delete_security_group_rule", PROJECT_MEMBER_OR_ADMIN, "Delete a rule of a group.")

CREATE_RBAC, GET_RBAC, UPDATE_RBAC, DELETE_RBAC = _crud("rbac_policy", "RBAC policy", read=READER)
_rule(
    "restrict_wildcard",
    "(not field:rbac_policy:target_tenant=* and not field:rbac_policy:target_project=*) or rule:admin_only",
    "Whoever may share with everyone.",
)
CREATE_RBAC_TARGET, UPDATE_RBAC_TARGET = (
    _rule(f"{verb}_rbac_policy:target_tenant", "rule:restrict_wildcard", f"Say whom to share with ({verb}).")
    for verb in ("create", "update")
)

CREATE_AG, GET_AG, UPDATE_AG, DELETE_AG = _crud("address_group", "address group", read=READER)
(CREATE_AG_SHARED,) = _guards("create", "address_group", "shared")
CREATE_DEFAULT_RULE = _rule("create_default_security_group_rule", ADMIN_ONLY, "Add to new groups' rules.")
GET_DEFAULT_RULE = _rule("get_default_security_group_rule", READER, "See what new groups begin with.")
DELETE_DEFAULT_RULE = _rule("delete_default_security_group_rule", ADMIN_ONLY, "Take from new groups' rules.")

GET_AGENT = _rule("get_agent", READER, "See what runs on hosts: for administrators alone.")
UPDATE_AGENT = _rule("update_agent", ADMIN_ONLY, "Keep gateways away from a host, or describe it.")
DELETE_AGENT = _rule("delete_agent", ADMIN_ONLY, "Forget a host that is gone.")

CREATE_PF, GET_PF, UPDATE_PF, DELETE_PF = _crud("floatingip_port_forwarding", "port forwarding")

CREATE_QOS, GET_QOS, UPDATE_QOS, DELETE_QOS = (
    _rule("create_policy", ADMIN_ONLY, "Create a QoS policy."),
    _rule("get_policy", READER, "See a QoS policy."),
    _rule("update_policy", ADMIN_ONLY, "Change a QoS policy."),
    _rule("delete_policy", ADMIN_ONLY, "Delete a QoS policy."),
)
GET_RULE_TYPE_DETAILS = _rule("cumulo:network:rule_type", ADMIN_ONLY, "See what a kind of QoS rules can say.")
GET_RULE_TYPE = _rule("get_rule_type", READER, "See which kinds of QoS rules there are.")
QOS_RULES = {
    kind: tuple(
        _rule(f"{verb}_policy_{kind}_rule", READER if verb == "get" else ADMIN_ONLY, f"{word} a {kind} rule.")
        for verb, word in (("create", "Create"), ("get", "See"), ("update", "Change"), ("delete", "Delete"))
    )
    for kind in ("bandwidth_limit", "dscp_marking", "minimum_bandwidth", "minimum_packet_rate")
}

CREATE_TRUNK, GET_TRUNK, UPDATE_TRUNK, DELETE_TRUNK = _crud("trunk", "trunk")
GET_SUBPORTS = _rule("get_subports", PROJECT_READER_OR_ADMIN, "See a trunk's subports.")
ADD_SUBPORTS = _rule("add_subports", PROJECT_MEMBER_OR_ADMIN, "Add subports to a trunk.")
REMOVE_SUBPORTS = _rule("remove_subports", PROJECT_MEMBER_OR_ADMIN, "Take subports from a trunk.")

CREATE_SCOPE, GET_SCOPE, UPDATE_SCOPE, DELETE_SCOPE = _crud("address_scope", "address scope", read=READER)
(CREATE_SCOPE_SHARED,) = _guards("create", "address_scope", "shared")
(UPDATE_SCOPE_SHARED,) = _guards("update", "address_scope", "shared")
ADD_PREFIXES = _rule("add_prefixes", PROJECT_MEMBER_OR_ADMIN, "Add prefixes to a subnet pool.")
REMOVE_PREFIXES = _rule("remove_prefixes", PROJECT_MEMBER_OR_ADMIN, "Take prefixes from a subnet pool.")
ONBOARD = _rule("onboard_network_subnets", PROJECT_MEMBER_OR_ADMIN, "Have a pool adopt a network's subnets.")
GET_FIP_POOLS = _rule("get_floatingip_pool", READER, "See what subnets floating IPs can come from.")

CREATE_SEGMENT, GET_SEGMENT, UPDATE_SEGMENT, DELETE_SEGMENT = _kept("segment", "segment of a network")
CREATE_RANGE, GET_RANGE, UPDATE_RANGE, DELETE_RANGE = _kept(
    "network_segment_range", "range that networks' VLANs come from"
)
CREATE_LOG, GET_LOG, UPDATE_LOG, DELETE_LOG = _kept("log", "log of security groups")
GET_LOGGABLE = _rule("get_loggable_resource", ADMIN_ONLY, "See what can be logged.")
CREATE_STATEFULNESS, GET_STATEFULNESS, UPDATE_STATEFULNESS, DELETE_STATEFULNESS = _kept(
    "security_groups_default_statefulness", "default of new groups' statefulness"
)
CREATE_MIRROR = _rule("create_tap_mirror", ADMIN_ONLY, "Have hosts send a port's packets elsewhere, too.")
GET_MIRROR = _rule("get_tap_mirror", PROJECT_READER_OR_ADMIN, "See a tap mirror.")
UPDATE_MIRROR = _rule("update_tap_mirror", PROJECT_MEMBER_OR_ADMIN, "Rename or describe a tap mirror.")
DELETE_MIRROR = _rule("delete_tap_mirror", PROJECT_MEMBER_OR_ADMIN, "Mirror a port no longer.")
CREATE_NDP, GET_NDP, UPDATE_NDP, DELETE_NDP = _crud("ndp_proxy", "NDP proxy")

CREATE_FLAVOR, GET_FLAVOR, UPDATE_FLAVOR, DELETE_FLAVOR = (
    _rule("create_flavor", ADMIN_ONLY, "Offer a kind of router."),
    _rule("get_flavor", READER, "See which kinds of router there are."),
    _rule("update_flavor", ADMIN_ONLY, "Change a kind of router."),
    _rule("delete_flavor", ADMIN_ONLY, "Offer a kind of router no longer."),
)
CREATE_PROFILE, GET_PROFILE, UPDATE_PROFILE, DELETE_PROFILE = _kept("service_profile", "flavor's profile")
BIND_PROFILE = _rule("create_flavor_service_profile", ADMIN_ONLY, "Let a flavor have a profile.")
UNBIND_PROFILE = _rule("delete_flavor_service_profile", ADMIN_ONLY, "Take a profile from a flavor.")

CREATE_LABEL, GET_LABEL, _, DELETE_LABEL = _kept("metering_label", "metering label")
CREATE_LABEL_RULE, GET_LABEL_RULE, _, DELETE_LABEL_RULE = _kept(
    "metering_label_rule", "rule of a metering label"
)

GET_TOPOLOGY = _rule(
    "get_auto_allocated_topology", PROJECT_READER_OR_ADMIN, "Get a network of one's own, made if need be."
)
DELETE_TOPOLOGY = _rule(
    "delete_auto_allocated_topology", PROJECT_MEMBER_OR_ADMIN, "Delete one's automatic network."
)

GET_QUOTA = _rule("get_quota", PROJECT_READER_OR_ADMIN, "See a project's limits.")
LIST_QUOTAS = _rule("get_quotas", ADMIN_ONLY, "See which projects have limits of their own.")
UPDATE_QUOTA = _rule("update_quota", ADMIN_ONLY, "Set a project's limits.")
DELETE_QUOTA = _rule("delete_quota", ADMIN_ONLY, "Return a project to the default limits.")
GET_AVAILABILITY = _rule("get_network_ip_availability", OR_SERVICE, "See how many addresses are left.")
CHECK = _rule("cumulo:network:check", ADMIN_ONLY, "Compare the data plane with what it should be.")
MEND = _rule("cumulo:network:mend", ADMIN_ONLY, "Mend the data plane where it differs.")
GET_ZONES = _rule("get_availability_zone", READER, "See the availability zones.")
GET_PROVIDERS = _rule("get_service_provider", READER, "See what provides routers.")
LIST_EXTENSIONS = _rule("get_extensions", ANYONE, "See which extensions there are.")
GET_TAGS = _rule("get_tags", READER, "See a resource's tags.")
UPDATE_TAGS = _rule("update_tags", PROJECT_MEMBER_OR_ADMIN, "Tag a resource.")

RULES = tuple(_all)
