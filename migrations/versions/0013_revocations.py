"""When a token was revoked."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0013"
down_revision = "0015"


def upgrade() -> None:
    """Add the column; of tokens that were revoked before it is unknown."""
    column = sa.Column("revoked_at", types.When(), autoincrement=False, nullable=True)
    op.add_column("identity_revoked_tokens", column)
