"""What somebody wishes of a live migration that is under way."""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0068"


def upgrade() -> None:
    """Add the column."""
    op.add_column("compute_migrations", sa.Column("wish", sa.String(length=16), nullable=True))
