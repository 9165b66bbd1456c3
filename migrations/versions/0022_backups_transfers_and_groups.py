"""Backups, transfers of volumes, groups of volumes and their snapshots."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0022"
down_revision = "0032"


def upgrade() -> None:
    """Make the tables."""
    backups()
    backup_indexes()
    group_types()
    groups()
    group_snapshots()
    transfers()


def backups() -> None:
    """Make `block_storage_backups`."""
    op.create_table(
        "block_storage_backups",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("volume_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("parent_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("container", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("availability_zone", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("fail_reason", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("location", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("base", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("digest", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("object_count", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stored", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("volume_type_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("bootable", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("image_metadata", types.RawJson(), autoincrement=False, nullable=True),
        sa.Column("encryption_key_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), autoincrement=False, nullable=True),
        sa.Column("cipher", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("key_size", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("volume_metadata", types.RawJson(), autoincrement=False, nullable=False),
        sa.Column("metadata", types.RawJson(), autoincrement=False, nullable=False),
        sa.Column("operation", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("data_timestamp", types.When(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_backups")),
    )


def backup_indexes() -> None:
    """Make the indexes of `block_storage_backups`."""
    op.create_index(op.f("ix_block_storage_backups_base"), "block_storage_backups", ["base"], unique=False)
    op.create_index(
        op.f("ix_block_storage_backups_location"), "block_storage_backups", ["location"], unique=False
    )
    op.create_index(
        op.f("ix_block_storage_backups_parent_id"), "block_storage_backups", ["parent_id"], unique=False
    )
    op.create_index(
        op.f("ix_block_storage_backups_project_id_created_at_id"),
        "block_storage_backups",
        ["project_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_backups_volume_id"), "block_storage_backups", ["volume_id"], unique=False
    )


def group_types() -> None:
    """Make `block_storage_group_types`."""
    op.create_table(
        "block_storage_group_types",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("is_public", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("group_specs", types.Json(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_group_types")),
        sa.UniqueConstraint("name", name=op.f("uq_block_storage_group_types_name")),
    )


def groups() -> None:
    """Make `block_storage_groups`."""
    op.create_table(
        "block_storage_groups",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("availability_zone", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("group_type_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("volume_types", types.Json(), autoincrement=False, nullable=False),
        sa.Column("group_snapshot_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("source_group_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["group_type_id"],
            ["block_storage_group_types.id"],
            name=op.f("fk_block_storage_groups_group_type_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_groups")),
    )
    op.create_index(
        op.f("ix_block_storage_groups_group_type_id"), "block_storage_groups", ["group_type_id"], unique=False
    )
    op.create_index(
        op.f("ix_block_storage_groups_project_id_created_at_id"),
        "block_storage_groups",
        ["project_id", "created_at", "id"],
        unique=False,
    )


def group_snapshots() -> None:
    """Make `block_storage_group_snapshots`."""
    op.create_table(
        "block_storage_group_snapshots",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("group_type_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["block_storage_groups.id"], name=op.f("fk_block_storage_group_snapshots_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_group_snapshots")),
    )
    op.create_index(
        op.f("ix_block_storage_group_snapshots_group_id"),
        "block_storage_group_snapshots",
        ["group_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_group_snapshots_project_id_created_at_id"),
        "block_storage_group_snapshots",
        ["project_id", "created_at", "id"],
        unique=False,
    )


def transfers() -> None:
    """Make `block_storage_transfers`."""
    op.create_table(
        "block_storage_transfers",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("volume_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("salt", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("no_snapshots", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["volume_id"],
            ["block_storage_volumes.id"],
            name=op.f("fk_block_storage_transfers_volume_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_transfers")),
        sa.UniqueConstraint("volume_id", name=op.f("uq_block_storage_transfers_volume_id")),
    )
    op.create_index(
        op.f("ix_block_storage_transfers_project_id_created_at_id"),
        "block_storage_transfers",
        ["project_id", "created_at", "id"],
        unique=False,
    )
