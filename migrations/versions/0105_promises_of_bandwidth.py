"""What hosts' networks may promise, rules of packet rates, and which providers serve what ports ask for."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0105"
down_revision = "0113"


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("network_agents", sa.Column("capacity", types.Json(), server_default="{}", nullable=False))
    op.add_column("network_qos_rules", sa.Column("min_kpps", sa.Integer(), nullable=True))
    op.create_table(
        "placement_servings",
        sa.Column("consumer_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("demand_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("resources", types.Json(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["placement_consumers.id"],
            name=op.f("fk_placement_servings_consumer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("consumer_id", "demand_id", name=op.f("pk_placement_servings")),
    )
