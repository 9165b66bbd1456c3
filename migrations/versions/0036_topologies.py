"""Networks that were made by one call."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "network_topologies",
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("network_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("router_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["network_id"],
            ["network_networks.id"],
            name=op.f("fk_network_topologies_network_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["router_id"],
            ["network_routers.id"],
            name=op.f("fk_network_topologies_router_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_network_topologies")),
    )
