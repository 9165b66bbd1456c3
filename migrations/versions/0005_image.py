"""The tables of image."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make them."""
    images()
    members()
    tags()


IMAGES = (
    "image_images",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("owner", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("visibility", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("disk_format", sa.String(length=20), autoincrement=False, nullable=True),
    sa.Column("container_format", sa.String(length=20), autoincrement=False, nullable=True),
    sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=True),
    sa.Column("virtual_size", sa.BigInteger(), autoincrement=False, nullable=True),
    sa.Column("min_disk", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("min_ram", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("protected", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("os_hidden", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("checksum", sa.String(length=32), autoincrement=False, nullable=True),
    sa.Column("hash_value", sa.String(length=128), autoincrement=False, nullable=True),
    sa.Column("properties", types.Json(), autoincrement=False, nullable=False),
    sa.Column("upload_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("upload_until", types.When(), autoincrement=False, nullable=True),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_image_images")),
)


def images() -> None:
    """Make `image_images`."""
    op.create_table(*IMAGES)
    op.create_index(op.f("ix_image_images_name"), "image_images", ["name"], unique=False)
    op.create_index(op.f("ix_image_images_owner"), "image_images", ["owner"], unique=False)
    op.create_index(op.f("ix_image_images_status"), "image_images", ["status"], unique=False)
    op.create_index(
        op.f("ix_image_images_visibility_created_at"),
        "image_images",
        ["visibility", "created_at"],
        unique=False,
    )


def members() -> None:
    """Make `image_members`."""
    op.create_table(
        "image_members",
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image_images.id"], name=op.f("fk_image_members_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "member_id", name=op.f("pk_image_members")),
    )
    op.create_index(op.f("ix_image_members_member_id"), "image_members", ["member_id"], unique=False)


def tags() -> None:
    """Make `image_tags`."""
    op.create_table(
        "image_tags",
        sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("value", sa.String(length=255), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image_images.id"], name=op.f("fk_image_tags_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "value", name=op.f("pk_image_tags")),
    )
    op.create_index(op.f("ix_image_tags_value"), "image_tags", ["value"], unique=False)
