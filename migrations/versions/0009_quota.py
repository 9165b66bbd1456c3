"""The tables of quota."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make them."""
    limits()


def limits() -> None:
    """Make `quota_limits`."""
    op.create_table(
        "quota_limits",
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("service", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("resource", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "service", "resource", name=op.f("pk_quota_limits")),
    )
