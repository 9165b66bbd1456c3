"""The tables of network."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make them."""
    networks()
    realisations()
    security_groups()
    ports()
    security_group_rules()
    subnets()
    fixed_ips()
    port_security_groups()
    routers()
    floating_ips()


NETWORKS = (
    "network_networks",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("admin_state_up", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("mtu", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("shared", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("external", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("is_default", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("port_security_enabled", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("provider_type", sa.String(length=32), autoincrement=False, nullable=False),
    sa.Column("physical_network", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("segmentation_id", sa.Integer(), autoincrement=False, nullable=True),
    sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
    sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_networks")),
)


def networks() -> None:
    """Make `network_networks`."""
    op.create_table(*NETWORKS)
    op.create_index(op.f("ix_network_networks_project_id"), "network_networks", ["project_id"], unique=False)


def realisations() -> None:
    """Make `network_realisations`."""
    op.create_table(
        "network_realisations",
        sa.Column("kind", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("realised", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("retry_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("error", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_network_realisations")),
    )
    op.create_index(
        "ix_network_unrealised",
        "network_realisations",
        ["kind", "id"],
        unique=False,
        sqlite_where=sa.text("realised < revision"),
        postgresql_where=sa.text("realised < revision"),
    )


def security_groups() -> None:
    """Make `network_security_groups`."""
    op.create_table(
        "network_security_groups",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("is_default", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_security_groups")),
    )
    op.create_index(
        op.f("ix_network_security_groups_project_id"), "network_security_groups", ["project_id"], unique=False
    )
    op.create_index(
        "uq_network_security_groups_default",
        "network_security_groups",
        ["project_id"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )


PORTS = (
    "network_ports",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("admin_state_up", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("mac_address", sa.String(length=32), autoincrement=False, nullable=False),
    sa.Column("device_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("device_owner", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("port_security_enabled", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("allowed_address_pairs", types.Json(), autoincrement=False, nullable=False),
    sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("vnic_type", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("profile", types.Json(), autoincrement=False, nullable=False),
    sa.Column("made_for", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("tag", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
    sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(
        ["network_id"], ["network_networks.id"], name=op.f("fk_network_ports_network_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_ports")),
    sa.UniqueConstraint("network_id", "mac_address", name=op.f("uq_network_ports_network_id_mac_address")),
)


def ports() -> None:
    """Make `network_ports`."""
    op.create_table(*PORTS)
    op.create_index(op.f("ix_network_ports_device_id"), "network_ports", ["device_id"], unique=False)
    op.create_index(op.f("ix_network_ports_host"), "network_ports", ["host"], unique=False)
    op.create_index(op.f("ix_network_ports_project_id"), "network_ports", ["project_id"], unique=False)


SECURITY_GROUP_RULES = (
    "network_security_group_rules",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("security_group_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("direction", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("ethertype", sa.String(length=8), autoincrement=False, nullable=False),
    sa.Column("protocol", sa.String(length=40), autoincrement=False, nullable=True),
    sa.Column("port_range_min", sa.Integer(), autoincrement=False, nullable=True),
    sa.Column("port_range_max", sa.Integer(), autoincrement=False, nullable=True),
    sa.Column("remote_ip_prefix", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("remote_group_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(
        ["remote_group_id"],
        ["network_security_groups.id"],
        name=op.f("fk_network_security_group_rules_remote_group_id"),
        ondelete="CASCADE",
    ),
    sa.ForeignKeyConstraint(
        ["security_group_id"],
        ["network_security_groups.id"],
        name=op.f("fk_network_security_group_rules_security_group_id"),
        ondelete="CASCADE",
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_security_group_rules")),
)


def security_group_rules() -> None:
    """Make `network_security_group_rules`."""
    op.create_table(*SECURITY_GROUP_RULES)
    op.create_index(
        op.f("ix_network_security_group_rules_project_id"),
        "network_security_group_rules",
        ["project_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_security_group_rules_security_group_id"),
        "network_security_group_rules",
        ["security_group_id"],
        unique=False,
    )


SUBNETS = (
    "network_subnets",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("ip_version", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("cidr", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("gateway_ip", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("enable_dhcp", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("ipv6_ra_mode", sa.String(length=16), autoincrement=False, nullable=True),
    sa.Column("ipv6_address_mode", sa.String(length=16), autoincrement=False, nullable=True),
    sa.Column("dns_nameservers", types.Json(), autoincrement=False, nullable=False),
    sa.Column("host_routes", types.Json(), autoincrement=False, nullable=False),
    sa.Column("allocation_pools", types.Json(), autoincrement=False, nullable=False),
    sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
    sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(
        ["network_id"], ["network_networks.id"], name=op.f("fk_network_subnets_network_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_subnets")),
)


def subnets() -> None:
    """Make `network_subnets`."""
    op.create_table(*SUBNETS)
    op.create_index(op.f("ix_network_subnets_network_id"), "network_subnets", ["network_id"], unique=False)
    op.create_index(op.f("ix_network_subnets_project_id"), "network_subnets", ["project_id"], unique=False)


def fixed_ips() -> None:
    """Make `network_fixed_ips`."""
    op.create_table(
        "network_fixed_ips",
        sa.Column("subnet_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["port_id"], ["network_ports.id"], name=op.f("fk_network_fixed_ips_port_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subnet_id"], ["network_subnets.id"], name=op.f("fk_network_fixed_ips_subnet_id")
        ),
        sa.PrimaryKeyConstraint("subnet_id", "address", name=op.f("pk_network_fixed_ips")),
    )
    op.create_index(
        op.f("ix_network_fixed_ips_network_id_address"),
        "network_fixed_ips",
        ["network_id", "address"],
        unique=False,
    )
    op.create_index(op.f("ix_network_fixed_ips_port_id"), "network_fixed_ips", ["port_id"], unique=False)
    op.create_index(
        op.f("ix_network_fixed_ips_subnet_id_offset"),
        "network_fixed_ips",
        ["subnet_id", "offset"],
        unique=False,
    )


def port_security_groups() -> None:
    """Make `network_port_security_groups`."""
    op.create_table(
        "network_port_security_groups",
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("security_group_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["port_id"],
            ["network_ports.id"],
            name=op.f("fk_network_port_security_groups_port_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["security_group_id"],
            ["network_security_groups.id"],
            name=op.f("fk_network_port_security_groups_security_group_id"),
        ),
        sa.PrimaryKeyConstraint("port_id", "security_group_id", name=op.f("pk_network_port_security_groups")),
    )
    op.create_index(
        op.f("ix_network_port_security_groups_security_group_id"),
        "network_port_security_groups",
        ["security_group_id"],
        unique=False,
    )


def routers() -> None:
    """Make `network_routers`."""
    op.create_table(
        "network_routers",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("gateway_network_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("gateway_port_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("enable_snat", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("routes", types.Json(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_network_id"],
            ["network_networks.id"],
            name=op.f("fk_network_routers_gateway_network_id"),
        ),
        sa.ForeignKeyConstraint(
            ["gateway_port_id"], ["network_ports.id"], name=op.f("fk_network_routers_gateway_port_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_routers")),
    )
    op.create_index(op.f("ix_network_routers_project_id"), "network_routers", ["project_id"], unique=False)


FLOATING_IPS = (
    "network_floating_ips",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("floating_network_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("floating_ip_address", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("holder_port_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("fixed_ip_address", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("router_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
    sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(
        ["floating_network_id"],
        ["network_networks.id"],
        name=op.f("fk_network_floating_ips_floating_network_id"),
    ),
    sa.ForeignKeyConstraint(
        ["holder_port_id"], ["network_ports.id"], name=op.f("fk_network_floating_ips_holder_port_id")
    ),
    sa.ForeignKeyConstraint(["port_id"], ["network_ports.id"], name=op.f("fk_network_floating_ips_port_id")),
    sa.ForeignKeyConstraint(
        ["router_id"], ["network_routers.id"], name=op.f("fk_network_floating_ips_router_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_floating_ips")),
    sa.UniqueConstraint(
        "port_id", "fixed_ip_address", name=op.f("uq_network_floating_ips_port_id_fixed_ip_address")
    ),
)


def floating_ips() -> None:
    """Make `network_floating_ips`."""
    op.create_table(*FLOATING_IPS)
    op.create_index(
        op.f("ix_network_floating_ips_floating_ip_address"),
        "network_floating_ips",
        ["floating_ip_address"],
        unique=False,
    )
    op.create_index(
        op.f("ix_network_floating_ips_port_id"), "network_floating_ips", ["port_id"], unique=False
    )
    op.create_index(
        op.f("ix_network_floating_ips_project_id"), "network_floating_ips", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_network_floating_ips_router_id"), "network_floating_ips", ["router_id"], unique=False
    )
