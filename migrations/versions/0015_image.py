"""Stores, tasks, cache and metadata definitions of images; what is active is in the store `file`."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Change the schema."""
    columns()
    tasks_and_cache()
    locations()
    definitions()


def columns() -> None:
    """Let images be staged and imported."""
    op.add_column("image_images", sa.Column("staged", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column(
        "image_images", sa.Column("importing_to", sa.String(length=1024), autoincrement=False, nullable=True)
    )
    op.add_column(
        "image_images", sa.Column("failed_import", sa.String(length=1024), autoincrement=False, nullable=True)
    )
    op.create_index(op.f("ix_image_images_hash_value"), "image_images", ["hash_value"], unique=False)


def tasks_and_cache() -> None:
    """Make tables that refer to no image's row, for they outlive it."""
    op.create_table(
        "image_cached",
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hits", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("accessed_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("modified_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_image_cached")),
    )
    op.create_table(
        "image_tasks",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=True),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("request_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("input", types.Json(), autoincrement=False, nullable=False),
        sa.Column("result", types.Json(), autoincrement=False, nullable=True),
        sa.Column("message", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_tasks")),
    )
    op.create_index(op.f("ix_image_tasks_image_id"), "image_tasks", ["image_id"], unique=False)
    op.create_index(op.f("ix_image_tasks_owner"), "image_tasks", ["owner"], unique=False)


def locations() -> None:
    """Note where images' data is: until now, in the one store there was."""
    op.create_table(
        "image_locations",
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("store", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("leaving", sa.Boolean(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image_images.id"], name=op.f("fk_image_locations_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "store", name=op.f("pk_image_locations")),
    )
    images = sa.table("image_images", sa.column("id"), sa.column("status"))
    places = sa.table("image_locations", sa.column("image_id"), sa.column("store"), sa.column("leaving"))
    kept = sa.select(images.c.id, sa.literal("file"), sa.false())
    kept = kept.where(images.c.status.in_(["active", "deactivated"]))
    op.execute(sa.insert(places).from_select(["image_id", "store", "leaving"], kept))


def definitions() -> None:
    """Make tables for metadata definitions."""
    op.create_table(
        "image_metadef_namespaces",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.String(length=80), autoincrement=False, nullable=False),
        sa.Column("display_name", sa.String(length=80), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("visibility", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("protected", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_metadef_namespaces")),
        sa.UniqueConstraint("namespace", name=op.f("uq_image_metadef_namespaces_namespace")),
    )
    op.create_index(
        op.f("ix_image_metadef_namespaces_owner"), "image_metadef_namespaces", ["owner"], unique=False
    )
    op.create_table(
        "image_metadef_definitions",
        sa.Column("namespace_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("body", types.Json(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"],
            ["image_metadef_namespaces.id"],
            name=op.f("fk_image_metadef_definitions_namespace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("namespace_id", "kind", "name", name=op.f("pk_image_metadef_definitions")),
    )
    op.create_index(
        op.f("ix_image_metadef_definitions_kind_name"),
        "image_metadef_definitions",
        ["kind", "name"],
        unique=False,
    )
