"""What a server's flavor lets its network cards do."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0095"
down_revision = "0070"


def upgrade() -> None:
    """Add the column."""
    op.add_column("network_ports", sa.Column("limits", types.Json(), nullable=True))
