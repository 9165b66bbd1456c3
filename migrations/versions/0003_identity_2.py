"""The tables of identity, part 2."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make them."""
    projects()
    request_tokens()
    roles()
    users()
    access_rules()
    access_tokens()
    application_credentials()
    assignments()
    implications()
    memberships()


def projects() -> None:
    """Make `identity_projects`."""
    op.create_table(
        "identity_projects",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("domain_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("extra", types.Json(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_projects_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_projects")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_identity_projects_domain_id_name")),
    )
    op.create_index(op.f("ix_identity_projects_parent_id"), "identity_projects", ["parent_id"], unique=False)


def request_tokens() -> None:
    """Make `identity_request_tokens`."""
    op.create_table(
        "identity_request_tokens",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("consumer_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("verifier", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("role_ids", types.Json(), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_id"],
            ["identity_consumers.id"],
            name=op.f("fk_identity_request_tokens_consumer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_request_tokens")),
    )


def roles() -> None:
    """Make `identity_roles`."""
    op.create_table(
        "identity_roles",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("domain_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_roles_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_roles")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_identity_roles_domain_id_name")),
    )
    op.create_index(
        "uq_identity_roles_global_name",
        "identity_roles",
        ["name"],
        unique=True,
        sqlite_where=sa.text("domain_id IS NULL"),
        postgresql_where=sa.text("domain_id IS NULL"),
    )


def users() -> None:
    """Make `identity_users`."""
    op.create_table(
        "identity_users",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("domain_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("email", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("default_project_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("password_hash", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("password_expires_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("options", types.Json(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("extra", types.Json(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_users_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_users")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_identity_users_domain_id_name")),
    )


def access_rules() -> None:
    """Make `identity_access_rules`."""
    op.create_table(
        "identity_access_rules",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("service", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("method", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("path", sa.String(length=128), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["identity_users.id"],
            name=op.f("fk_identity_access_rules_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_access_rules")),
        sa.UniqueConstraint(
            "user_id",
            "service",
            "method",
            "path",
            name=op.f("uq_identity_access_rules_user_id_service_method_path"),
        ),
    )


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
