"""Flavors of routers with their profiles, and where floating IPs are translated."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0069"
down_revision = "0076"


def upgrade() -> None:
    """Make the tables and the column."""
    op.create_table(
        "network_flavors",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=1024), autoincrement=False, nullable=False),
        sa.Column("service_type", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_flavors")),
    )
    op.create_table(
        "network_service_profiles",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=1024), autoincrement=False, nullable=False),
        sa.Column("driver", sa.String(length=1024), autoincrement=False, nullable=False),
        sa.Column("metainfo", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_service_profiles")),
    )
    _join_them()


def _join_them() -> None:
    """Make the table of which flavor has which profile, and the column."""
    op.create_table(
        "network_flavor_profiles",
        sa.Column("flavor_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("profile_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["flavor_id"],
            ["network_flavors.id"],
            name=op.f("fk_network_flavor_profiles_flavor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["network_service_profiles.id"],
            name=op.f("fk_network_flavor_profiles_profile_id"),
        ),
        sa.PrimaryKeyConstraint("flavor_id", "profile_id", name=op.f("pk_network_flavor_profiles")),
    )
    op.create_index(
        op.f("ix_network_flavor_profiles_profile_id"), "network_flavor_profiles", ["profile_id"], unique=False
    )
    op.add_column(
        "network_floating_ips", sa.Column("distributed", sa.Boolean(), autoincrement=False, nullable=True)
    )
