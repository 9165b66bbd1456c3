"""Segments and their ranges, further gateways, NDP proxies, logs, and what new groups are by default."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0068"
down_revision = "0036"


def upgrade() -> None:
    """Make the tables and the columns."""
    _make_statefulness()
    _make_logs()
    _make_ranges()
    _make_segments()
    _make_proxies()
    _make_gateways()
    _add_columns()
    _add_to_routers()
    _give_segments()


def _make_statefulness() -> None:
    """Make the table of defaults."""
    op.create_table(
        "network_default_statefulness",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("stateful", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_default_statefulness")),
        sa.UniqueConstraint("project_id", name=op.f("uq_network_default_statefulness_project_id")),
    )


def _make_logs() -> None:
    """Make the table of logs."""
    op.create_table(
        "network_logs",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("resource_type", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("resource_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("target_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("event", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_logs")),
    )
    op.create_index(op.f("ix_network_logs_project_id"), "network_logs", ["project_id"], unique=False)
    op.create_index(op.f("ix_network_logs_resource_id"), "network_logs", ["resource_id"], unique=False)
    op.create_index(op.f("ix_network_logs_target_id"), "network_logs", ["target_id"], unique=False)


def _make_ranges() -> None:
    """Make the table of ranges."""
    op.create_table(
        "network_segment_ranges",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("shared", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("network_type", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("physical_network", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("minimum", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("maximum", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_segment_ranges")),
    )
    op.create_index(
        op.f("ix_network_segment_ranges_project_id"), "network_segment_ranges", ["project_id"], unique=False
    )


def _make_segments() -> None:
    """Make the table of segments."""
    op.create_table(
        "network_segments",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("network_type", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("physical_network", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("segmentation_id", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["network_networks.id"],
            name=op.f("fk_network_segments_network_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_segments")),
    )
    op.create_index(op.f("ix_network_segments_network_id"), "network_segments", ["network_id"], unique=False)
    op.create_index(
        op.f("ix_network_segments_physical_network_segmentation_id"),
        "network_segments",
        ["physical_network", "segmentation_id"],
        unique=False,
    )
    op.create_index(op.f("ix_network_segments_project_id"), "network_segments", ["project_id"], unique=False)


def _make_proxies() -> None:
    """Make the table of NDP proxies."""
    op.create_table(
        "network_ndp_proxies",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("router_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("ip_address", sa.String(length=64), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["port_id"], ["network_ports.id"], name=op.f("fk_network_ndp_proxies_port_id")
        ),
        sa.ForeignKeyConstraint(
            ["router_id"], ["network_routers.id"], name=op.f("fk_network_ndp_proxies_router_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_ndp_proxies")),
        sa.UniqueConstraint(
            "router_id", "ip_address", name=op.f("uq_network_ndp_proxies_router_id_ip_address")
        ),
    )
    op.create_index(op.f("ix_network_ndp_proxies_port_id"), "network_ndp_proxies", ["port_id"], unique=False)
    op.create_index(
        op.f("ix_network_ndp_proxies_project_id"), "network_ndp_proxies", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_network_ndp_proxies_router_id"), "network_ndp_proxies", ["router_id"], unique=False
    )


def _make_gateways() -> None:
    """Make the table of further gateways."""
    op.create_table(
        "network_router_gateways",
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("router_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["network_id"], ["network_networks.id"], name=op.f("fk_network_router_gateways_network_id")
        ),
        sa.ForeignKeyConstraint(
            ["port_id"],
            ["network_ports.id"],
            name=op.f("fk_network_router_gateways_port_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["router_id"],
            ["network_routers.id"],
            name=op.f("fk_network_router_gateways_router_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("port_id", name=op.f("pk_network_router_gateways")),
    )
    op.create_index(
        op.f("ix_network_router_gateways_network_id"), "network_router_gateways", ["network_id"], unique=False
    )
    op.create_index(
        op.f("ix_network_router_gateways_router_id"), "network_router_gateways", ["router_id"], unique=False
    )


def _add_columns() -> None:
    """Add to agents, networks, ports and subnets."""
    op.add_column(
        "network_agents",
        sa.Column(
            "physical_networks", types.Json(), autoincrement=False, nullable=False, server_default="[]"
        ),
    )
    op.add_column(
        "network_networks", sa.Column("vlan_transparent", sa.Boolean(), autoincrement=False, nullable=True)
    )
    op.add_column("network_networks", sa.Column("qinq", sa.Boolean(), autoincrement=False, nullable=True))
    op.add_column(
        "network_ports",
        sa.Column(
            "dns_domain", sa.String(length=255), autoincrement=False, nullable=False, server_default=""
        ),
    )
    op.add_column(
        "network_ports",
        sa.Column("data_plane_status", sa.String(length=16), autoincrement=False, nullable=True),
    )
    op.add_column(
        "network_subnets", sa.Column("segment_id", sa.String(length=36), autoincrement=False, nullable=True)
    )
    op.create_index(op.f("ix_network_subnets_segment_id"), "network_subnets", ["segment_id"], unique=False)


def _add_to_routers() -> None:
    """Add to routers."""
    for name in ("enable_default_route_ecmp", "enable_default_route_bfd", "enable_ndp_proxy", "distributed"):
        column = sa.Column(name, sa.Boolean(), autoincrement=False, nullable=False, server_default="0")
        op.add_column("network_routers", column)
    ha = sa.Column("ha", sa.Boolean(), autoincrement=False, nullable=False, server_default="1")
    op.add_column("network_routers", ha)
    for name in ("qos_policy_id", "flavor_id"):
        column = sa.Column(name, sa.String(length=36), autoincrement=False, nullable=True)
        op.add_column("network_routers", column)
        op.create_index(op.f(f"ix_network_routers_{name}"), "network_routers", [name], unique=False)


def _give_segments() -> None:
    """Give each network the segment that its own columns say; it has the network's id."""
    op.execute(
        "INSERT INTO network_segments (id, project_id, description, revision_number, created_at, updated_at,"
        " network_id, network_type, physical_network, segmentation_id, position)"
        " SELECT id, project_id, '', 1, created_at, created_at,"
        " id, provider_type, physical_network, segmentation_id, 0 FROM network_networks"
    )
