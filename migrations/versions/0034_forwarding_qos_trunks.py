"""Port forwarding, QoS policies and trunks."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0034"
down_revision = "0040"


def upgrade() -> None:
    """Make the tables, and the columns that say which policy is followed."""
    _qos_policies()
    _qos_rules()
    _trunks()
    _subports()
    _port_forwardings()
    _columns()


def _qos_policies() -> None:
    op.create_table(
        "network_qos_policies",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("is_default", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_qos_policies")),
    )
    op.create_index(op.f("ix_network_qos_policies_project_id"), "network_qos_policies", ["project_id"])
    op.create_index(
        "uq_network_qos_policies_default",
        "network_qos_policies",
        ["project_id"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )


def _qos_rules() -> None:
    op.create_table(
        "network_qos_rules",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("policy_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("direction", sa.String(length=16), autoincrement=False, nullable=True),
        sa.Column("max_kbps", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("max_burst_kbps", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("min_kbps", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("dscp_mark", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["network_qos_policies.id"],
            name=op.f("fk_network_qos_rules_policy_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_qos_rules")),
    )
    op.create_index(op.f("ix_network_qos_rules_policy_id"), "network_qos_rules", ["policy_id"])


def _trunks() -> None:
    op.create_table(
        "network_trunks",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("admin_state_up", sa.Boolean(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["port_id"], ["network_ports.id"], name=op.f("fk_network_trunks_port_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_trunks")),
        sa.UniqueConstraint("port_id", name=op.f("uq_network_trunks_port_id")),
    )
    op.create_index(op.f("ix_network_trunks_project_id"), "network_trunks", ["project_id"])


def _subports() -> None:
    op.create_table(
        "network_subports",
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("trunk_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("segmentation_type", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("segmentation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["port_id"], ["network_ports.id"], name=op.f("fk_network_subports_port_id")),
        sa.ForeignKeyConstraint(
            ["trunk_id"], ["network_trunks.id"], name=op.f("fk_network_subports_trunk_id")
        ),
        sa.PrimaryKeyConstraint("port_id", name=op.f("pk_network_subports")),
        sa.UniqueConstraint(
            "trunk_id", "segmentation_id", name=op.f("uq_network_subports_trunk_id_segmentation_id")
        ),
    )


def _port_forwardings() -> None:
    op.create_table(
        "network_port_forwardings",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("floatingip_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("internal_port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("internal_ip_address", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("protocol", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("external_first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_last", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("internal_first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("internal_last", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["floatingip_id"],
            ["network_floating_ips.id"],
            name=op.f("fk_network_port_forwardings_floatingip_id"),
        ),
        sa.ForeignKeyConstraint(
            ["internal_port_id"],
            ["network_ports.id"],
            name=op.f("fk_network_port_forwardings_internal_port_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_port_forwardings")),
    )
    for name in ("floatingip_id", "internal_port_id", "project_id"):
        op.create_index(op.f(f"ix_network_port_forwardings_{name}"), "network_port_forwardings", [name])


def _columns() -> None:
    for table in ("network_floating_ips", "network_networks", "network_ports"):
        op.add_column(table, sa.Column("qos_policy_id", sa.String(length=36), nullable=True))
        op.create_index(op.f(f"ix_{table}_qos_policy_id"), table, ["qos_policy_id"])
