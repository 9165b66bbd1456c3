"""Address scopes, subnets' service types, and names in DNS."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Make the table and the columns."""
    op.create_table(
        "network_address_scopes",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("revision_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("ip_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_address_scopes")),
    )
    op.create_index(op.f("ix_network_address_scopes_project_id"), "network_address_scopes", ["project_id"])
    for table, column in (
        ("network_floating_ips", "dns_name"),
        ("network_floating_ips", "dns_domain"),
        ("network_networks", "dns_domain"),
        ("network_ports", "dns_name"),
    ):
        op.add_column(table, sa.Column(column, sa.String(length=255), nullable=False, server_default=""))
    scope = sa.Column("address_scope_id", sa.String(length=36), nullable=True)
    op.add_column("network_subnet_pools", scope)
    op.create_index(
        op.f("ix_network_subnet_pools_address_scope_id"), "network_subnet_pools", ["address_scope_id"]
    )
    types_ = sa.Column("service_types", types.Json(), nullable=False, server_default="[]")
    op.add_column("network_subnets", types_)
