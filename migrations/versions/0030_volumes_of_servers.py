"""The volumes that servers have, and what a server's document says of them."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0030"
down_revision = "0012"

TABLE = "compute_block_device_mappings"


def upgrade() -> None:
    """Make the table and the column."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("server_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("volume_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("attachment_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("source_type", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("snapshot_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("size_gib", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("volume_type", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("device_name", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("bus", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("boot_index", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("delete_on_termination", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(length=60), autoincrement=False, nullable=True),
        sa.Column("created", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("attached", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("detaching", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_block_device_mappings")),
    )
    op.create_index(f"ix_{TABLE}_volume_id", TABLE, ["volume_id"])
    op.create_index(f"ix_{TABLE}_server_id_created_at", TABLE, ["server_id", "created_at"])
    op.add_column(
        "compute_servers",
        sa.Column("volumes", types.RawJson(), server_default="[]", nullable=False),
    )
