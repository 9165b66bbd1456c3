"""Version documents, and the extensions that are really there."""

from typing import Any

from cumulo.core.http import Ctx, RouteSet
from cumulo.services.network import policy
from cumulo.services.network.errors import ExtensionNotFound

routes = RouteSet()
_UPDATED = "2026-01-01T00:00:00-00:00"
EXTENSIONS = {
    "allowed-address-pairs": "Allowed Address Pairs",
    "binding": "Port Binding",
    "binding-extended": "Port Bindings Extended",
    "external-gateway-multihoming": "Neutron L3 External Gateway Multihoming",
    "enable-default-route-bfd": "Enable Default Route BFD",
    "enable-default-route-ecmp": "Enable Default Route ECMP",
    "dvr": "Distributed Virtual Router",
    "l3-ha": "HA Router extension",
    "router-admin-state-down-before-update": "Enforce Router's Admin State Down Before Update Extension",
    "router-enable-snat": "Router enable_snat",
    "qos-gateway-ip": "Gateway IP QoS",
    "segment": "Segment",
    "standard-attr-segment": "Standard Attribute Segment Extension",
    "segments-peer-subnet-host-routes": "Segments peer-subnet host routes",
    "subnet-segmentid-writable": "Subnet SegmentID (writable)",
    "subnet-segmentid-enforce": "Subnet SegmentID (policy enforced)",
    "multi-provider": "Multi Provider Network",
    "network-segment-range": "Neutron Network Segment Range",
    "vlan-transparent": "Vlantransparent",
    "qinq": "QinQ networks",
    "security-groups-default-statefulness": "Security Groups Default Statefulness",
    "dns-domain-ports": "dns_domain for ports",
    "data-plane-status": "Port data plane status extension",
    "subnet-external-network": "Subnet belongs to an external network",
    "tag-ports-during-bulk-creation": "Tag Ports During Bulk Creation",
    "quota-check-limit-default": "Quota engine limit check by default",
    "floatingip-autodelete-internal": "Autodelete floating IPs of internal networks",
    "metering": "Neutron Metering",
    "tap-mirror": "Tap as a Service GRE or ERSPAN mirror",
    "logging": "Logging API Extension",
    "l3-ext-ndp-proxy": "Router support to enable NDP proxy",
    "l3-ndp-proxy": "L3 NDP Proxy",
    "flavors": "Neutron Service Flavors",
    "l3-flavors": "Router Flavor Extension",
    "floating-ip-distributed": "Floating IP Distributed Extension",
    "ext-gw-mode": "Neutron L3 Configurable external gateway mode",
    "external-net": "Neutron external network",
    "extra_dhcp_opt": "Neutron Extra DHCP options",
    "extraroute": "Neutron Extra Route",
    "extraroute-atomic": "Atomically add/remove extra routes",
    "net-mtu": "Network MTU",
    "net-mtu-writable": "Network MTU (writable)",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "provider": "Provider Network",
    "address-group": "Address group",
    "rbac-address-group": "Add address_group type to RBAC",
    "security-groups-remote-address-group": "Add remote address group id to security group rules",
    "security-groups-normalized-cidr": "Normalized CIDR field for security group rules",
    "security-groups-rules-belongs-to-default-sg": "Security group rules: belongs_to_default_sg",
    "security-groups-default-rules": "Default rules for security groups",
    "stateful-security-group": "Stateful security group",
    "floating-ip-port-forwarding": "Floating IP Port Forwarding",
    "floating-ip-port-forwarding-description": "Floating IP Port Forwarding new attribute description",
    "floating-ip-port-forwarding-detail": "Floating IP Port Forwarding support multiple details",
    "floating-ip-port-forwarding-port-ranges": "Floating IP Port Forwarding support for port ranges",
    "expose-port-forwarding-in-fip": "Expose Port Forwarding in Floating IP",
    "fip-port-details": "Add Port Details to Floating IP",
    "qos": "Quality of Service",
    "qos-bw-limit-direction": "Direction for QoS bandwidth limit rule",
    "qos-bw-minimum-ingress": "Ingress direction for QoS minimum bandwidth rule",
    "qos-default": "QoS default policy",
    "qos-pps-minimum": "Quality of Service minimum packet rate rule",
    "qos-pps-minimum-rule-alias": "Ability to modify minimum packet rate rules without policy id",
    "port-resource-request": "Port Resource Request",
    "port-resource-request-groups": "Port Resource Request Groups",
    "qos-fip": "Floating IP QoS",
    "qos-fip-network-policy": "QoS policy ID of the external network's floating IPs",
    "qos-port-network-policy": "QoS policy ID of the port's network",
    "qos-rule-type-details": "Details of QoS rule types",
    "qos-rule-type-filter": "Filter of QoS rule types",
    "qos-rules-alias": "Ability to modify QoS rules without policy id",
    "trunk": "Trunk Extension",
    "trunk-details": "Trunk port details",
    "address-scope": "Address scope",
    "rbac-address-scope": "Add address_scope type to RBAC",
    "subnet_onboard": "Subnet Onboard",
    "subnetpool-prefix-ops": "Subnet Pool Prefix Operations",
    "subnet-service-types": "Subnet service types",
    "floatingip-pools": "Floating IP Pools Extension",
    "tag-creation": "Tag creation extension",
    "dns-integration": "DNS Integration",
    "auto-allocated-topology": "Auto Allocated Topology Services",
    "aap-reject-multicast": "Reject multicast addresses in allowed address pairs",
    "ecmp_routes": "ECMP routes",
    "empty-string-filtering": "Empty String Filtering Extension",
    "ip-substring-filtering": "IP address substring filtering",
    "ip_allocation": "IP Allocation",
    "l2_adjacency": "L2 Adjacency",
    "port-mac-address-regenerate": "Neutron Port MAC address regenerate",
    "port-security-groups-filtering": "Port filtering on security groups",
    "quota-check-limit": "Quota engine limit check",
    "sort-key-validation": "Sort key validation",
    "rbac-policies": "RBAC Policies",
    "rbac-subnetpool": "Add subnetpool type to RBAC",
    "rbac-security-groups": "Add security_group type to network RBAC",
    "security-groups-shared-filtering": "Security group filtering on the shared field",
    "revision-if-match": "If-Match constraints based on revision_number",
    "quotas": "Quota management support",
    "quota_details": "Quota details management support",
    "router": "Neutron L3 Router",
    "security-group": "security-group",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-revisions": "Resource revision numbers",
    "standard-attr-tag": "Tag support for resources with standard attributes",
    "standard-attr-timestamp": "Resource timestamps",
    "subnet_allocation": "Subnet Allocation",
    "default-subnetpools": "Default Subnetpools",
    "availability_zone": "Availability Zone",
    "availability_zone_filter": "Availability Zone Filter",
    "network_availability_zone": "Network Availability Zone",
    "router_availability_zone": "Router Availability Zone",
    "agent": "agent",
    "agent_sort_key": "Agent sort key",
    "agent-resources-synced": "Agent's Resource View Synced to Placement",
    "network-ip-availability": "Network IP Availability",
    "service-type": "Neutron Service Type Management",
}
COLLECTIONS = (
    ("network", "networks"),
    ("subnet", "subnets"),
    ("subnetpool", "subnetpools"),
    ("port", "ports"),
    ("router", "routers"),
    ("floatingip", "floatingips"),
    ("security_group", "security-groups"),
    ("security_group_rule", "security-group-rules"),
    ("rbac_policy", "rbac-policies"),
    ("address_scope", "address-scopes"),
    ("trunk", "trunks"),
    ("policy", "qos/policies"),
    ("agent", "agents"),
    ("address_group", "address-groups"),
    ("flavor", "flavors"),
    ("service_profile", "service_profiles"),
    ("segment", "segments"),
    ("log", "log/logs"),
    ("metering_label", "metering/metering-labels"),
    ("metering_label_rule", "metering/metering-label-rules"),
    ("ndp_proxy", "ndp_proxies"),
    ("tap_mirror", "taas/tap_mirrors"),
    ("network_segment_range", "network_segment_ranges"),
    ("default_security_group_rule", "default-security-group-rules"),
)


@routes.route("GET", "", policy=None, at_root=True)
async def versions(ctx: Ctx) -> dict[str, Any]:
    """Say which versions there are."""
    link = {"rel": "self", "href": f"{ctx.base_url}/"}
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}


@routes.route("GET", "", policy=None)
async def resources(ctx: Ctx) -> dict[str, Any]:
    """Say which collections there are."""
    return {
        "resources": [
            {
                "name": name,
                "collection": path.replace("-", "_"),
                "links": [{"rel": "self", "href": f"{ctx.base_url}/{path}"}],
            }
            for name, path in COLLECTIONS
        ]
    }


def shown(alias: str, name: str) -> dict[str, Any]:
    """Return an extension's document."""
    return {"alias": alias, "name": name, "description": name, "updated": _UPDATED, "links": []}


@routes.route("GET", "/extensions", policy=policy.LIST_EXTENSIONS)
async def extensions(ctx: Ctx) -> dict[str, Any]:
    """List the extensions."""
    del ctx
    return {"extensions": [shown(alias, name) for alias, name in EXTENSIONS.items()]}


@routes.route("GET", "/extensions/{alias}", policy=policy.LIST_EXTENSIONS)
async def extension(ctx: Ctx, alias: str) -> dict[str, Any]:
    """Show an extension."""
    del ctx
    if alias not in EXTENSIONS:
        raise ExtensionNotFound(id=alias)
    return {"extension": shown(alias, EXTENSIONS[alias])}


@routes.route("GET", "/service-providers", policy=policy.GET_PROVIDERS)
async def providers(ctx: Ctx) -> dict[str, Any]:
    """List what provides routers. Clients ask by `service_type` for VPN, and take any answer for a yes."""
    known = {"service_type": "L3_ROUTER_NAT", "name": "ovn", "default": True}
    asked = {name: values for name, values in ctx.request.query.items() if name in known}
    matches = all(str(known[name]).lower() in map(str.lower, values) for name, values in asked.items())
    return {"service_providers": [known] if matches else []}
