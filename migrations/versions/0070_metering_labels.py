"""Metering labels, their rules, and what hosts had counted when they were last asked."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0070"
down_revision = "0063"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "network_meter_readings",
        sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("mark", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("packets", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("octets", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("host", "mark", name=op.f("pk_network_meter_readings")),
    )
    op.create_table(
        "network_metering_labels",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=1024), autoincrement=False, nullable=False),
        sa.Column("shared", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("packets", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("octets", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_metering_labels")),
    )
    op.create_index(
        op.f("ix_network_metering_labels_project_id"), "network_metering_labels", ["project_id"], unique=False
    )
    _make_rules()


def _make_rules() -> None:
    """Make the table of rules."""
    op.create_table(
        "network_metering_rules",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("label_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("direction", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("remote_ip_prefix", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("excluded", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["label_id"],
            ["network_metering_labels.id"],
            name=op.f("fk_network_metering_rules_label_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_metering_rules")),
    )
    op.create_index(
        op.f("ix_network_metering_rules_label_id"), "network_metering_rules", ["label_id"], unique=False
    )
