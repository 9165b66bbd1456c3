"""The tables of identity, part 3."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make them."""
    access_tokens()
    application_credentials()
    assignments()
    implications()
    limits()
    login_records()
    memberships()
    past_passwords()
    project_endpoints()


def access_tokens() -> None:
    """Make `identity_access_tokens`."""
    op.create_table(
        "identity_access_tokens",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("consumer_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("role_ids", types.Json(), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["identity_consumers.id"],
            name=op.f("fk_identity_access_tokens_consumer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_access_tokens_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_access_tokens")),
    )
    op.create_index(
        op.f("ix_identity_access_tokens_project_id"), "identity_access_tokens", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_identity_access_tokens_user_id"), "identity_access_tokens", ["user_id"], unique=False
    )


def application_credentials() -> None:
    """Make `identity_application_credentials`."""
    op.create_table(
        "identity_application_credentials",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("secret_hash", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("unrestricted", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("role_ids", types.Json(), autoincrement=False, nullable=False),
        sa.Column("access_rule_ids", types.Json(), autoincrement=False, nullable=True),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_application_credentials_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_application_credentials")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_identity_application_credentials_user_id_name")),
    )
    op.create_index(
        op.f("ix_identity_application_credentials_project_id"),
        "identity_application_credentials",
        ["project_id"],
        unique=False,
    )


def assignments() -> None:
    """Make `identity_assignments`."""
    op.create_table(
        "identity_assignments",
        sa.Column("actor_type", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("actor_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("target_type", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("target_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("inherited", sa.Boolean(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"],
            ["identity_roles.id"],
            name=op.f("fk_identity_assignments_role_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "actor_type",
            "actor_id",
            "target_type",
            "target_id",
            "role_id",
            "inherited",
            name=op.f("pk_identity_assignments"),
        ),
    )
    op.create_index(
        op.f("ix_identity_assignments_target_id"), "identity_assignments", ["target_id"], unique=False
    )


def implications() -> None:
    """Make `identity_implications`."""
    op.create_table(
        "identity_implications",
        sa.Column("prior_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("implied_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["implied_id"],
            ["identity_roles.id"],
            name=op.f("fk_identity_implications_implied_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["prior_id"],
            ["identity_roles.id"],
            name=op.f("fk_identity_implications_prior_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("prior_id", "implied_id", name=op.f("pk_identity_implications")),
    )


def limits() -> None:
    """Make `identity_limits`."""
    op.create_table(
        "identity_limits",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("registered_limit_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("domain_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("resource_limit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["registered_limit_id"],
            ["identity_registered_limits.id"],
            name=op.f("fk_identity_limits_registered_limit_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_limits")),
    )
    op.create_index(op.f("ix_identity_limits_domain_id"), "identity_limits", ["domain_id"], unique=False)
    op.create_index(op.f("ix_identity_limits_project_id"), "identity_limits", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_identity_limits_registered_limit_id"),
        "identity_limits",
        ["registered_limit_id"],
        unique=False,
    )


def login_records() -> None:
    """Make `identity_login_records`."""
    op.create_table(
        "identity_login_records",
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("failures", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failed_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("totp_step", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_login_records_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_identity_login_records")),
    )


def memberships() -> None:
    """Make `identity_memberships`."""
    op.create_table(
        "identity_memberships",
        sa.Column("group_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["identity_groups.id"],
            name=op.f("fk_identity_memberships_group_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_memberships_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_identity_memberships")),
    )
    op.create_index(
        op.f("ix_identity_memberships_user_id"), "identity_memberships", ["user_id"], unique=False
    )


def past_passwords() -> None:
    """Make `identity_past_passwords`."""
    op.create_table(
        "identity_past_passwords",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("chosen", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_past_passwords_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_past_passwords")),
    )
    op.create_index(
        op.f("ix_identity_past_passwords_user_id"), "identity_past_passwords", ["user_id"], unique=False
    )


def project_endpoints() -> None:
    """Make `identity_project_endpoints`."""
    op.create_table(
        "identity_project_endpoints",
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["identity_endpoints.id"],
            name=op.f("fk_identity_project_endpoints_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "endpoint_id", name=op.f("pk_identity_project_endpoints")),
    )
