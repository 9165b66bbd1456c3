"""Address groups, the template of security groups' rules, stateless groups, agents and zones."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0033"
down_revision = "0022"


def upgrade() -> None:
    """Make the tables, and the columns that rules, groups, networks and routers get."""
    _address_groups()
    _agents()
    _default_rules()
    _columns()


def _address_groups() -> None:
    op.create_table(
        "network_address_groups",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("addresses", types.Json(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_address_groups")),
    )
    op.create_index(
        op.f("ix_network_address_groups_project_id"), "network_address_groups", ["project_id"], unique=False
    )


def _agents() -> None:
    op.create_table(
        "network_agents",
        sa.Column("id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("gateway", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("zones", types.Json(), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("started_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("heartbeat_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_agents")),
    )


def _default_rules() -> None:
    op.create_table(
        "network_default_rules",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("direction", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("ethertype", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("protocol", sa.String(length=40), autoincrement=False, nullable=True),
        sa.Column("port_range_min", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("port_range_max", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("remote_ip_prefix", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("remote_group_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("remote_address_group_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("used_in_default_sg", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("used_in_non_default_sg", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("removed", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_default_rules")),
    )


def _columns() -> None:
    op.add_column(
        "network_networks",
        sa.Column("availability_zone_hints", types.Json(), nullable=False, server_default="[]"),
    )
    op.add_column(
        "network_routers",
        sa.Column("availability_zone_hints", types.Json(), nullable=False, server_default="[]"),
    )
    op.add_column(
        "network_security_group_rules",
        sa.Column("remote_address_group_id", sa.String(length=36), autoincrement=False, nullable=True),
    )
    op.create_index(
        op.f("ix_network_security_group_rules_remote_address_group_id"),
        "network_security_group_rules",
        ["remote_address_group_id"],
        unique=False,
    )
    op.add_column(
        "network_security_groups", sa.Column("stateful", sa.Boolean(), nullable=False, server_default="1")
    )
