"""The tables of placement."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make them."""
    consumers()
    providers()
    resource_classes()
    traits()
    allocations()
    inventories()
    provider_traits()


def consumers() -> None:
    """Make `placement_consumers`."""
    op.create_table(
        "placement_consumers",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_consumers")),
    )
    op.create_index(
        op.f("ix_placement_consumers_project_id"), "placement_consumers", ["project_id"], unique=False
    )


def providers() -> None:
    """Make `placement_providers`."""
    op.create_table(
        "placement_providers",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("root_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["placement_providers.id"], name=op.f("fk_placement_providers_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement_providers")),
        sa.UniqueConstraint("name", name=op.f("uq_placement_providers_name")),
    )
    op.create_index(
        op.f("ix_placement_providers_parent_id"), "placement_providers", ["parent_id"], unique=False
    )
    op.create_index(op.f("ix_placement_providers_root_id"), "placement_providers", ["root_id"], unique=False)


def resource_classes() -> None:
    """Make `placement_resource_classes`."""
    op.create_table(
        "placement_resource_classes",
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_placement_resource_classes")),
    )


def traits() -> None:
    """Make `placement_traits`."""
    op.create_table(
        "placement_traits",
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_placement_traits")),
    )


def allocations() -> None:
    """Make `placement_allocations`."""
    op.create_table(
        "placement_allocations",
        sa.Column("consumer_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("resource", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("used", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["placement_consumers.id"], name=op.f("fk_placement_allocations_consumer_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["placement_providers.id"], name=op.f("fk_placement_allocations_provider_id")
        ),
        sa.PrimaryKeyConstraint(
            "consumer_id", "provider_id", "resource", name=op.f("pk_placement_allocations")
        ),
    )
    op.create_index(
        op.f("ix_placement_allocations_provider_id"), "placement_allocations", ["provider_id"], unique=False
    )


def inventories() -> None:
    """Make `placement_inventories`."""
    op.create_table(
        "placement_inventories",
        sa.Column("provider_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("resource", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("total", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reserved", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("min_unit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("max_unit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("allocation_ratio", sa.Float(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["placement_providers.id"],
            name=op.f("fk_placement_inventories_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "resource", name=op.f("pk_placement_inventories")),
    )


def provider_traits() -> None:
    """Make `placement_provider_traits`."""
    op.create_table(
        "placement_provider_traits",
        sa.Column("provider_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("trait", sa.String(length=255), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["placement_providers.id"],
            name=op.f("fk_placement_provider_traits_provider_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "trait", name=op.f("pk_placement_provider_traits")),
    )
