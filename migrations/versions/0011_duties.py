"""The table of who beats which reconcilers."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "tasks_duties",
        sa.Column("name", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("until", types.When(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tasks_duties")),
    )
