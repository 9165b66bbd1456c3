"""RBAC policies of networks, in place of the flag that shared with everyone."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0032"
down_revision = "0021"

# A policy's id is its object's, which no other policy for sharing has; for the second of a network the
# version digit of the id differs.
_SHARE = """
    INSERT INTO network_rbac_policies
        (id, project_id, object_type, object_id, target_project, action, created_at)
    SELECT {id}, project_id, '{kind}', id, '*', '{action}', created_at FROM {table} WHERE {column}
"""


def upgrade() -> None:
    """Make the table, fill it with what the flags said, drop the flags."""
    op.create_table(
        "network_rbac_policies",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("object_type", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("object_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("target_project", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("action", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_rbac_policies")),
        sa.UniqueConstraint("object_id", "target_project", "action", name="uq_network_rbac_policies"),
    )
    for column in ("project_id", "target_project"):
        op.create_index(op.f(f"ix_network_rbac_policies_{column}"), "network_rbac_policies", [column])
    for kind, table, column, action, id_ in (
        ("network", "network_networks", "shared", "access_as_shared", "id"),
        ("subnetpool", "network_subnet_pools", "shared", "access_as_shared", "id"),
        (
            "network",
            "network_networks",
            "external",
            "access_as_external",
            "substr(id, 1, 14) || 'e' || substr(id, 16)",
        ),
    ):
        op.execute(_SHARE.format(id=id_, kind=kind, action=action, table=table, column=column))
    op.drop_column("network_networks", "shared")
    op.drop_column("network_subnet_pools", "shared")
