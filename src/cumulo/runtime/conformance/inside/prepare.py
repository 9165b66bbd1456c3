"""Write a tempest.conf for the cloud that OS_CLOUD names. Run by the Python of Tempest's environment.

    prepare.py OUT --image NAME --user NAME [--web URL] [--validate]

What the suites need and no cloud has from birth (two flavors, a second image, a few roles) is looked up by
its name and made when it is missing; the image and an external network must be there. Every boolean feature
flag that the installed Tempest knows is on, unless `NOT_ASKED` says why not: what Cumulo lacks shows as a
failure. A service that the catalog does not offer is off, so its tests count as skipped.
"""

import argparse
import configparser
import importlib.util
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TEMPEST_CONFIG_DIR", "/nonexistent")

import openstack
import tempest
from tempest import config

PREFIX = "conformance"
PATIENCE = 300  # seconds within which a new cloud has built its first image
NOT_ASKED = {
    ("identity-feature-enabled", "external_idp"): "wants a SAML or OpenID provider beside the cloud",
    ("identity-feature-enabled", "immutable_user_source"): "on, it says that the cloud cannot make users",
    (
        "image-feature-enabled",
        "http_store_enabled",
    ): "wants one picture on the web to be of any format that is stated; content is inspected and copied",
    ("image-feature-enabled", "image_conversion"): "wants a manifest of sample images",
    ("image-feature-enabled", "image_format_enforcement"): "on, no list is tested: see FORMATS",
    (
        "image-feature-enabled",
        "manage_locations",
    ): "wants locations that users set, which Glance gave up",
    (
        "image",
        "images_manifest_file",
    ): "wants os-test-images beside it; our own corpus is tests/services/image/inspection",
    ("image", "image_remote"): "wants a second Glance with a staging area of its own; here is one process",
    ("compute-feature-enabled", "share_attachments"): "wants a file share reached by a guest",
    ("compute-feature-enabled", "spice_console"): "wants SPICE; a guest's screen is shown by VNC",
    (
        "compute-feature-enabled",
        "serial_console",
    ): "its one test sends text byte by byte as numbers, which no Python 3 can",
    ("compute-feature-enabled", "change_password"): "wants QEMU's agent in the guest; mini has none",
    (
        "compute-feature-enabled",
        "unified_limits",
    ): "either these are tested or quota sets, which compute's limits are",
    ("service_available", "barbican"): "wants a key manager, and Tempest's plugin for it: vTPMs on the move",
    (
        "compute",
        "certified_image_ref",
    ): "wants a key manager that says which certificates sign images; signatures alone are no proof",
    (
        "compute",
        "fixed_network_name",
    ): "wants one network that all projects share; each has its own, which other tests take it for",
    (
        "image",
        "hw_scsi_model",
    ): "wants volumes as units of a SCSI host that the guest commands; they are network block devices",
}
NO_AGENTS = {"dhcp_agent_scheduler", "l3_agent_scheduler"}  # OVN has none
EXTENSION = re.compile(r"""(?:is_extension_enabled\(|extension=)["']([a-z0-9_-]+)["']""")
SERVICES = {  # Tempest's name → the catalog types that offer it
    "nova": ("compute",),
    "glance": ("image",),
    "neutron": ("network",),
    "cinder": ("block-storage", "volumev3"),
    "swift": ("object-store",),
    "horizon": (),
}
LIMITS = {"image_size_total", "image_stage_total", "image_count_total", "image_count_uploading"}
# Of the first six the tests make images of random bytes, which must be of a format without a mark.
FORMATS = "raw,ami,ari,aki,raw,raw,qcow2,vhd,vmdk,vdi,iso,vhdx,ploop,gpt"
ROLES = ("member", "reader", "manager", "service", "ResellerAdmin")
Settings = dict[str, dict[str, Any]]


def features() -> Settings:
    """Return every boolean feature flag that the installed Tempest knows, on or off."""
    flags: Settings = {}
    for group, options in config.list_opts():
        name = getattr(group, "name", group) or "DEFAULT"
        if not name.endswith("feature-enabled"):
            continue
        for option in options:
            if type(option).__name__ == "BoolOpt" and not option.deprecated_for_removal:
                flags.setdefault(name, {})[option.dest] = (name, option.dest) not in NOT_ASKED
    return flags


def ensure_flavor(cloud: openstack.connection.Connection, name: str, memory_mib: int) -> str:
    """Return the id of a flavor, made when it is missing."""
    found = cloud.compute.find_flavor(name)
    return str((found or cloud.compute.create_flavor(name=name, ram=memory_mib, vcpus=1, disk=1)).id)


def ensure_image(cloud: openstack.connection.Connection, name: str, path: Path) -> str:
    """Return the id of a public image, uploaded from `path` when it is missing."""
    found = cloud.image.find_image(name)
    if found is None:
        found = cloud.image.create_image(
            name=name,
            filename=str(path),
            disk_format="qcow2",
            container_format="bare",
            visibility="public",
            allow_duplicates=True,
            wait=True,
        )
    return str(found.id)


def fetch_image(cloud: openstack.connection.Connection, name: str, folder: Path) -> tuple[str, Path]:
    """Return the id of the cloud's image of that name, and its bytes as a file in `folder`."""
    give_up = time.monotonic() + PATIENCE
    while (found := cloud.image.find_image(name)) is None or found.status != "active":
        if time.monotonic() > give_up:
            sys.exit(f"the cloud has no image {name!r}; `cumulo up` makes one")
        time.sleep(1)
    path = folder / f"{name}.qcow2"
    cloud.image.download_image(found.id, output=str(path))
    return str(found.id), path


def ensure_roles(cloud: openstack.connection.Connection) -> None:
    """Have the roles that the suites name."""
    for name in ROLES:
        if cloud.identity.find_role(name) is None:
            cloud.identity.create_role(name=name)


def identity_settings(cloud: openstack.connection.Connection) -> Settings:
    """Return where the cloud is and who administers it."""
    auth = cloud.config.auth
    uri = auth["auth_url"].rstrip("/")
    return {
        "identity": {
            "uri_v3": uri if uri.endswith("/v3") else f"{uri}/v3",
            "auth_version": "v3",
            "region": cloud.config.region_name or "RegionOne",
            "user_lockout_failure_attempts": 2,
            "user_lockout_duration": 5,
            "user_unique_last_password_count": 2,
        },
        "auth": {
            "use_dynamic_credentials": True,
            "create_isolated_networks": True,
            "admin_username": auth["username"],
            "admin_password": auth["password"],
            "admin_project_name": auth["project_name"],
            "admin_domain_name": auth.get("user_domain_name", "Default"),
            "admin_user_domain_name": auth.get("user_domain_name", "Default"),
            "admin_project_domain_name": auth.get("project_domain_name", "Default"),
            "admin_system": "all",
        },
    }


def offered(cloud: openstack.connection.Connection) -> Settings:
    """Return which services the catalog offers, and under which type each is found."""
    here = {entry["type"] for entry in cloud.service_catalog}
    settings: Settings = {
        "service_available": {name: bool(here.intersection(types)) for name, types in SERVICES.items()}
    }
    for section, types in {"volume": SERVICES["cinder"], "placement": ("placement",)}.items():
        settings[section] = {"catalog_type": next((each for each in types if each in here), types[0])}
    return settings


def compute_settings(cloud: openstack.connection.Connection, image: str, file: Path) -> Settings:
    """Return the flavors, images, hosts and limits that the compute tests use."""
    hosts = sorted(str(each.name) for each in cloud.compute.hypervisors())
    way = {"migration_source_host": hosts[0], "migration_dest_host": hosts[1]} if len(hosts) > 1 else {}
    return {
        "compute": {
            **way,
            "image_ref": image,
            "image_ref_alt": ensure_image(cloud, f"{PREFIX}-image-alt", file),
            "flavor_ref": ensure_flavor(cloud, f"{PREFIX}.small", 128),
            "flavor_ref_alt": ensure_flavor(cloud, f"{PREFIX}.alt", 160),
            "max_microversion": "latest",
            "min_compute_nodes": len(hosts),
            "build_timeout": 180,
            "build_interval": 1,
        },
        "compute-feature-enabled": {
            "nova_policy_roles": "admin,manager,member,reader",
            "scheduler_enabled_filters": "all",
        },
        "enforce_scope": {"nova": True},
        "placement": {"max_microversion": "latest"},
        "volume": {"max_microversion": "latest"},
        "object-storage": {"operator_role": "member", "reseller_admin_role": "ResellerAdmin"},
    }


def image_settings(cloud: openstack.connection.Connection, web: str) -> Settings:
    """Return what the image tests use, with limits registered for them to change."""
    identity: Any = cloud.identity  # of the two versions that the SDK types it as, this is the newer
    glance = next(iter(identity.services(name="glance")), None)
    if glance is not None:
        known = {limit.resource_name for limit in identity.registered_limits(service_id=glance.id)}
        for name in LIMITS - known:
            limit = {"resource_name": name, "service_id": glance.id, "default_limit": 1000}
            region = {"region_id": cloud.config.region_name or "RegionOne"}
            identity.create_registered_limit(**limit, **region)
    pictures = {"http_image": web, "http_qcow2_image": web}
    return {"image": {"image_caching_enabled": True, "disk_formats": FORMATS, **pictures}}


def ensure_shared_type(cloud: openstack.connection.Connection) -> str:
    """Return the name of a type whose volumes several servers may have, made when it is missing."""
    name = f"{PREFIX}-shared"
    if cloud.block_storage.find_type(name) is None:
        cloud.block_storage.create_type(name=name, extra_specs={"multiattach": "<is> True"})
    return name


def volume_settings(cloud: openstack.connection.Connection) -> Settings:
    """Return the backends of block storage; tests that want several run where there are."""
    if not any(entry["type"] in SERVICES["cinder"] for entry in cloud.service_catalog):
        return {}
    told = [pool.capabilities for pool in cloud.block_storage.backend_pools()]
    names = sorted({each["volume_backend_name"] for each in told})
    settings: Settings = {"volume-feature-enabled": {"multi_backend": len(names) > 1}}
    settings["volume"] = {"volume_type_multiattach": ensure_shared_type(cloud)}
    if told:
        first = told[0]
        settings["volume"] |= {
            "backend_names": ",".join(names),
            "vendor_name": first["vendor_name"],
            "storage_protocol": first["storage_protocol"],
            # What a pool of files is left with when it manages them no more lies under their ids.
            "manage_volume_ref": "source-name,%s",
            "manage_snapshot_ref": "source-name,%s",
        }
    return settings


def asked_for() -> set[str]:
    """Return the network extensions that the installed tests name."""
    sources = Path(tempest.__file__).parent.rglob("*.py")
    return {alias for source in sources for alias in EXTENSION.findall(source.read_text())}


def ensure_topologies(cloud: openstack.connection.Connection, external: str) -> None:
    """Have what automatic networks are made of: a default way out, and a default pool of addresses."""
    cloud.network.update_network(external, is_default=True)
    if next(iter(cloud.network.subnet_pools(is_default=True)), None) is None:
        facts = {"default_prefix_length": 26, "is_default": True, "is_shared": True}
        cloud.network.create_subnet_pool(name=f"{PREFIX}-pool", prefixes=["10.224.0.0/12"], **facts)


def network_settings(cloud: openstack.connection.Connection) -> Settings:
    """Return the external network that floating IPs come from."""
    if not any(entry["type"] == "network" for entry in cloud.service_catalog):
        return {}
    external = next(iter(cloud.network.networks(is_router_external=True)), None)
    if external is None:
        sys.exit("the cloud has no external network; `cumulo up` makes one")
    ensure_topologies(cloud, external.id)
    wanted = {extension.alias for extension in cloud.network.extensions()} | asked_for() - NO_AGENTS
    return {
        "network-feature-enabled": {"api_extensions": ",".join(sorted(wanted)), **promising(cloud)},
        "network": {
            "public_network_id": external.id,
            "floating_network_name": external.name,
            "build_timeout": 120,
            "build_interval": 1,
        },
    }


def plugin_settings(cloud: openstack.connection.Connection) -> Settings:
    """Return what neutron's own plugin of Tempest asks, where it is installed."""
    if importlib.util.find_spec("neutron_tempest_plugin") is None:
        return {}
    told = [agent.configuration or {} for agent in cloud.network.agents()]
    physical = next(name for each in told for name in each.get("bridge_mappings") or ())
    if next(iter(cloud.network.network_segment_ranges(physical_network=physical)), None) is None:
        vlans = {"physical_network": physical, "minimum": 100, "maximum": 199}
        facts = {"name": f"{PREFIX}-vlans", "network_type": "vlan", "shared": True}
        cloud.network.create_network_segment_range(**facts, **vlans)
    options = {
        "provider_vlans": physical,
        "available_type_drivers": "flat,vlan,geneve,local",
        "create_shared_resources": True,
        "firewall_driver": "ovn",
        "dns_domain": "cumulo.internal",
    }
    listed = sorted(extension.alias for extension in cloud.network.extensions())  # which one test compares
    return {
        "neutron_plugin_options": options,
        "network-feature-enabled": {"api_extensions": ",".join(listed)},
    }


def promising(cloud: openstack.connection.Connection) -> dict[str, Any]:
    """Return the physical network that hosts promise bandwidth on, and whether they promise packets, too."""
    told = [agent.configuration or {} for agent in cloud.network.agents()]
    able = [each for each in told if each.get("resource_provider_bandwidths")]
    packets = [each.get("resource_provider_packet_processing_without_direction") for each in able]
    found: dict[str, Any] = {"qos_min_bw_and_pps": bool(able) and all(packets)}
    if able:
        found["qos_placement_physnet"] = able[0]["bridge_mappings"][0]
    return found


def guest_settings(file: Path, user: str, *, validate: bool) -> Settings:
    """Return how guests are reached, or that they are not."""
    return {
        "validation": {
            "run_validation": validate,
            "connect_method": "floating",
            "image_ssh_user": user,
            "image_alt_ssh_user": user,
            "ssh_key_type": "ecdsa",
            "connect_timeout": 120,
            "ssh_timeout": 180,
        },
        "scenario": {"img_file": str(file), "img_disk_format": "qcow2"},
    }


def write(path: Path, settings: list[Settings]) -> None:
    """Write the file that Tempest reads; a later group adds to an earlier one's."""
    parser = configparser.RawConfigParser(default_section="\0")
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # option names keep their case
    work = path.parent
    own: Settings = {
        "DEFAULT": {"log_file": work / "tempest.log", "use_stderr": False, "debug": True},
        "oslo_concurrency": {"lock_path": work / "locks"},
    }
    for groups in (own, *settings):
        for group, options in groups.items():
            if not parser.has_section(group):
                parser.add_section(group)
            for name, value in options.items():
                parser.set(group, name, str(value))
    with path.open("w") as file:
        parser.write(file)


def main() -> None:
    """Prepare the cloud and write the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--image", required=True)
    parser.add_argument("--user", default="root")
    parser.add_argument("--web", default="")
    parser.add_argument("--validate", action="store_true")
    given = parser.parse_args()
    cloud = openstack.connect()
    ensure_roles(cloud)
    image, file = fetch_image(cloud, given.image, given.out.absolute().parent)
    write(
        given.out.absolute(),
        [
            features(),
            identity_settings(cloud),
            offered(cloud),
            compute_settings(cloud, image, file),
            image_settings(cloud, given.web),
            volume_settings(cloud),
            network_settings(cloud),
            plugin_settings(cloud),
            guest_settings(file, given.user, validate=given.validate),
        ],
    )


if __name__ == "__main__":
    main()
