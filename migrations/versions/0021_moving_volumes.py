"""The pool that a volume is moving to."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0013"


def upgrade() -> None:
    """Add the column."""
    op.add_column("block_storage_volumes", sa.Column("moving_to", sa.String(length=255), nullable=True))
