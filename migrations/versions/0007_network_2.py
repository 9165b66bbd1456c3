"""The tables of network, part 2."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make them."""
    subnet_pools()
    subnets()
    fixed_ips()
    port_security_groups()
    routers()
    floating_ips()


SUBNET_POOLS = (
    "network_subnet_pools",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("ip_version", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("prefixes", types.Json(), autoincrement=False, nullable=False),
    sa.Column("default_prefixlen", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("min_prefixlen", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("max_prefixlen", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("default_quota", sa.BigInteger(), autoincrement=False, nullable=True),
    sa.Column("shared", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("is_default", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
    sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_subnet_pools")),
)


def subnet_pools() -> None:
    """Make `network_subnet_pools`."""
    op.create_table(*SUBNET_POOLS)
    op.create_index(
        op.f("ix_network_subnet_pools_project_id"), "network_subnet_pools", ["project_id"], unique=False
    )


SUBNETS = (
    "network_subnets",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("subnetpool_id", sa.String(length=36), autoincrement=False, nullable=True),
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
    sa.ForeignKeyConstraint(
        ["subnetpool_id"], ["network_subnet_pools.id"], name=op.f("fk_network_subnets_subnetpool_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_network_subnets")),
)


def subnets() -> None:
    """Make `network_subnets`."""
    op.create_table(*SUBNETS)
    op.create_index(op.f("ix_network_subnets_network_id"), "network_subnets", ["network_id"], unique=False)
    op.create_index(op.f("ix_network_subnets_project_id"), "network_subnets", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_network_subnets_subnetpool_id"), "network_subnets", ["subnetpool_id"], unique=False
    )


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
