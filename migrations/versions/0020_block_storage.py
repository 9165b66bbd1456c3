"""The tables of block storage."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0020"
down_revision = "0030"


def upgrade() -> None:
    """Make them."""
    messages()
    pools()
    qos_specs()
    quota_classes()
    services()
    volume_types()
    default_types()
    encryptions()
    type_access()
    volumes()
    attachments()
    snapshots()


MESSAGES = (
    "block_storage_messages",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("request_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("resource_type", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("resource_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("event_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("level", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("text", sa.Text(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("expires_at", types.When(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_messages")),
)


def messages() -> None:
    """Make `block_storage_messages`."""
    op.create_table(*MESSAGES)
    op.create_index(
        op.f("ix_block_storage_messages_expires_at"), "block_storage_messages", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_block_storage_messages_project_id_created_at"),
        "block_storage_messages",
        ["project_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_messages_resource_id"), "block_storage_messages", ["resource_id"], unique=False
    )


POOLS = (
    "block_storage_pools",
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("service", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("backend", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("driver", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("protocol", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("total_gib", sa.Float(), autoincrement=False, nullable=False),
    sa.Column("free_gib", sa.Float(), autoincrement=False, nullable=False),
    sa.Column("allocated_gib", sa.Float(), autoincrement=False, nullable=False),
    sa.Column("thin", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("thick", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("multiattach", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("online_extend", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("max_over_subscription_ratio", sa.Float(), autoincrement=False, nullable=False),
    sa.Column("reserved_percentage", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("seen_at", types.When(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint("name", name=op.f("pk_block_storage_pools")),
)


def pools() -> None:
    """Make `block_storage_pools`."""
    op.create_table(*POOLS)
    op.create_index(op.f("ix_block_storage_pools_service"), "block_storage_pools", ["service"], unique=False)


QOS_SPECS = (
    "block_storage_qos_specs",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("consumer", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("specs", types.Json(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_qos_specs")),
    sa.UniqueConstraint("name", name=op.f("uq_block_storage_qos_specs_name")),
)


def qos_specs() -> None:
    """Make `block_storage_qos_specs`."""
    op.create_table(*QOS_SPECS)


QUOTA_CLASSES = (
    "block_storage_quota_classes",
    sa.Column("name", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("resource", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint("name", "resource", name=op.f("pk_block_storage_quota_classes")),
)


def quota_classes() -> None:
    """Make `block_storage_quota_classes`."""
    op.create_table(*QUOTA_CLASSES)


SERVICES = (
    "block_storage_services",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("binary", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("zone", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("disabled", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("disabled_reason", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("frozen", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("seen_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_services")),
    sa.UniqueConstraint("host", "binary", name="uq_block_storage_services_host"),
)


def services() -> None:
    """Make `block_storage_services`."""
    op.create_table(*SERVICES)


VOLUME_TYPES = (
    "block_storage_types",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("is_public", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("extra_specs", types.Json(), autoincrement=False, nullable=False),
    sa.Column("qos_specs_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.ForeignKeyConstraint(
        ["qos_specs_id"], ["block_storage_qos_specs.id"], name=op.f("fk_block_storage_types_qos_specs_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_types")),
    sa.UniqueConstraint("name", name=op.f("uq_block_storage_types_name")),
)


def volume_types() -> None:
    """Make `block_storage_types`."""
    op.create_table(*VOLUME_TYPES)
    op.create_index(
        op.f("ix_block_storage_types_qos_specs_id"), "block_storage_types", ["qos_specs_id"], unique=False
    )


DEFAULT_TYPES = (
    "block_storage_default_types",
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("volume_type_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(
        ["volume_type_id"],
        ["block_storage_types.id"],
        name=op.f("fk_block_storage_default_types_volume_type_id"),
        ondelete="CASCADE",
    ),
    sa.PrimaryKeyConstraint("project_id", name=op.f("pk_block_storage_default_types")),
)


def default_types() -> None:
    """Make `block_storage_default_types`."""
    op.create_table(*DEFAULT_TYPES)


ENCRYPTIONS = (
    "block_storage_encryptions",
    sa.Column("encryption_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("volume_type_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("provider", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("cipher", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("key_size", sa.Integer(), autoincrement=False, nullable=True),
    sa.Column("control_location", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.ForeignKeyConstraint(
        ["volume_type_id"],
        ["block_storage_types.id"],
        name=op.f("fk_block_storage_encryptions_volume_type_id"),
        ondelete="CASCADE",
    ),
    sa.PrimaryKeyConstraint("encryption_id", name=op.f("pk_block_storage_encryptions")),
    sa.UniqueConstraint("volume_type_id", name=op.f("uq_block_storage_encryptions_volume_type_id")),
)


def encryptions() -> None:
    """Make `block_storage_encryptions`."""
    op.create_table(*ENCRYPTIONS)


TYPE_ACCESS = (
    "block_storage_type_access",
    sa.Column("volume_type_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(
        ["volume_type_id"],
        ["block_storage_types.id"],
        name=op.f("fk_block_storage_type_access_volume_type_id"),
        ondelete="CASCADE",
    ),
    sa.PrimaryKeyConstraint("volume_type_id", "project_id", name=op.f("pk_block_storage_type_access")),
)


def type_access() -> None:
    """Make `block_storage_type_access`."""
    op.create_table(*TYPE_ACCESS)


VOLUMES = (
    "block_storage_volumes",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
    sa.Column("previous_status", sa.String(length=32), autoincrement=False, nullable=True),
    sa.Column("migration_status", sa.String(length=32), autoincrement=False, nullable=True),
    sa.Column("replication_status", sa.String(length=32), autoincrement=False, nullable=True),
    sa.Column("availability_zone", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("host", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("volume_type_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("snapshot_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("source_volume_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("backup_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("group_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("bootable", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("multiattach", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("read_only", sa.Boolean(), autoincrement=False, nullable=True),
    sa.Column("consumes_quota", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("encryption_key_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("sealed_key", sa.LargeBinary(), autoincrement=False, nullable=True),
    sa.Column("cipher", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("key_size", sa.Integer(), autoincrement=False, nullable=True),
    sa.Column("metadata", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("image_metadata", types.RawJson(), autoincrement=False, nullable=True),
    sa.Column("scheduler_hints", types.Json(), autoincrement=False, nullable=False),
    sa.Column("extending_to", sa.Integer(), autoincrement=False, nullable=True),
    sa.Column("retyping_to", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("operation", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("deletion", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.Column("launched_at", types.When(), autoincrement=False, nullable=True),
    sa.ForeignKeyConstraint(
        ["volume_type_id"], ["block_storage_types.id"], name=op.f("fk_block_storage_volumes_volume_type_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_volumes")),
)


def volumes() -> None:
    """Make `block_storage_volumes`."""
    op.create_table(*VOLUMES)
    op.create_index(
        op.f("ix_block_storage_volumes_created_at_id"),
        "block_storage_volumes",
        ["created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_volumes_group_id"), "block_storage_volumes", ["group_id"], unique=False
    )
    op.create_index(op.f("ix_block_storage_volumes_host"), "block_storage_volumes", ["host"], unique=False)
    op.create_index(
        op.f("ix_block_storage_volumes_project_id_created_at_id"),
        "block_storage_volumes",
        ["project_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_volumes_volume_type_id"),
        "block_storage_volumes",
        ["volume_type_id"],
        unique=False,
    )


ATTACHMENTS = (
    "block_storage_attachments",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("volume_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("server_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
    sa.Column("mode", sa.String(length=4), autoincrement=False, nullable=False),
    sa.Column("attached_host", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("device", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("connector", types.Json(), autoincrement=False, nullable=True),
    sa.Column("sealed_access", sa.LargeBinary(), autoincrement=False, nullable=True),
    sa.Column("origin", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("attached_at", types.When(), autoincrement=False, nullable=True),
    sa.Column("detached_at", types.When(), autoincrement=False, nullable=True),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.ForeignKeyConstraint(
        ["volume_id"],
        ["block_storage_volumes.id"],
        name=op.f("fk_block_storage_attachments_volume_id"),
        ondelete="CASCADE",
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_attachments")),
)


def attachments() -> None:
    """Make `block_storage_attachments`."""
    op.create_table(*ATTACHMENTS)
    op.create_index(
        op.f("ix_block_storage_attachments_project_id"),
        "block_storage_attachments",
        ["project_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_attachments_server_id"),
        "block_storage_attachments",
        ["server_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_attachments_volume_id"),
        "block_storage_attachments",
        ["volume_id"],
        unique=False,
    )


SNAPSHOTS = (
    "block_storage_snapshots",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("volume_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("status", sa.String(length=32), autoincrement=False, nullable=False),
    sa.Column("progress", sa.String(length=8), autoincrement=False, nullable=False),
    sa.Column("volume_type_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("group_snapshot_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("encryption_key_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("consumes_quota", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("metadata", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("operation", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.ForeignKeyConstraint(
        ["volume_id"], ["block_storage_volumes.id"], name=op.f("fk_block_storage_snapshots_volume_id")
    ),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_snapshots")),
)


def snapshots() -> None:
    """Make `block_storage_snapshots`."""
    op.create_table(*SNAPSHOTS)
    op.create_index(
        op.f("ix_block_storage_snapshots_group_snapshot_id"),
        "block_storage_snapshots",
        ["group_snapshot_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_snapshots_project_id_created_at_id"),
        "block_storage_snapshots",
        ["project_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_block_storage_snapshots_volume_id"), "block_storage_snapshots", ["volume_id"], unique=False
    )
