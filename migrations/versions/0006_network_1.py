"""The tables of network, part 1."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make them."""
    networks()
    realisations()
    security_groups()
    ports()
    security_group_rules()


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
    sa.Column("extra_dhcp_opts", types.Json(), autoincrement=False, nullable=False),
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
