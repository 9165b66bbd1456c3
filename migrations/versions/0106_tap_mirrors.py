"""Mirrors of ports."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0106"
down_revision = "0105"
TABLE = "network_tap_mirrors"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("port_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("mirror_type", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("remote_ip", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("directions", types.Json(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["port_id"], ["network_ports.id"], name=op.f("fk_network_tap_mirrors_port_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_tap_mirrors")),
    )
    for name in ("port_id", "project_id", "remote_ip"):
        op.create_index(op.f(f"ix_{TABLE}_{name}"), TABLE, [name], unique=False)
