"""Moves of servers, their groups, host aggregates, and what servers must return to."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0040"
down_revision = "0033"


def upgrade() -> None:
    """Make the tables and the columns."""
    _moves()
    _groups()
    _columns()


def _moves() -> None:
    op.create_table(
        "compute_aggregates",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uuid", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("metadata", types.Json(), autoincrement=False, nullable=False),
        sa.Column("hosts", types.Json(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_aggregates")),
        sa.UniqueConstraint("name", name="uq_compute_aggregates_name"),
    )
    op.create_table(
        "compute_migrations",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("server_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("destination", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("old_flavor_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("new_flavor_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_migrations")),
    )
    op.create_index(
        op.f("ix_compute_migrations_server_id_created_at"),
        "compute_migrations",
        ["server_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_compute_migrations_status_updated_at"),
        "compute_migrations",
        ["status", "updated_at"],
        unique=False,
    )


def _groups() -> None:
    op.create_table(
        "compute_server_groups",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("policy", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("most_on_host", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_server_groups")),
    )
    op.create_index(
        op.f("ix_compute_server_groups_project_id"), "compute_server_groups", ["project_id"], unique=False
    )
    op.create_table(
        "placement_provider_aggregates",
        sa.Column("provider_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("aggregate", sa.String(length=36), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["placement_providers.id"],
            name=op.f("fk_placement_provider_aggregates_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "aggregate", name=op.f("pk_placement_provider_aggregates")),
    )
    op.create_index(
        op.f("ix_placement_provider_aggregates_aggregate"),
        "placement_provider_aggregates",
        ["aggregate"],
        unique=False,
    )


def _columns() -> None:
    op.add_column(
        "compute_servers",
        sa.Column("aside", types.RawJson(), server_default="{}", autoincrement=False, nullable=False),
    )
    op.add_column(
        "compute_servers", sa.Column("group_id", sa.String(length=36), autoincrement=False, nullable=True)
    )
    op.add_column("compute_servers", sa.Column("password", sa.Text(), autoincrement=False, nullable=True))
    op.create_index(op.f("ix_compute_servers_group_id"), "compute_servers", ["group_id"], unique=False)
