"""What opens images that were made of encrypted volumes."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0063"
down_revision = "0069"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "block_storage_image_keys",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("size_gib", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_storage_image_keys")),
        sa.UniqueConstraint("image_id", name="uq_block_storage_image_keys_image_id"),
    )
