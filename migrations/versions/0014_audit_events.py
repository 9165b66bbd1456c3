"""What the audit log keeps besides: why, how often, whose, by what client."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0020"

_TABLE = "identity_audit_events"


def upgrade() -> None:
    """Add the columns."""
    for name, length in (
        ("reason", 255),
        ("target_name", 255),
        ("project_id", 64),
        ("domain_id", 64),
        ("initiator_name", 255),
        ("global_request_id", 64),
        ("agent", 255),
    ):
        op.add_column(_TABLE, sa.Column(name, sa.String(length=length), autoincrement=False, nullable=True))
    for name in ("status", "times"):
        op.add_column(_TABLE, sa.Column(name, sa.Integer(), autoincrement=False, nullable=True))
    op.create_index(
        op.f("ix_identity_audit_events_project_id_at"), _TABLE, ["project_id", "at"], unique=False
    )
