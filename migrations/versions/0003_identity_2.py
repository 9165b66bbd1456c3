"""The tables of identity, part 2."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make them."""
    domain_options()
    endpoints()
    groups()
    policy_associations()
    project_endpoint_groups()
    projects()
    registered_limits()
    request_tokens()
    roles()
    users()
    access_rules()


def domain_options() -> None:
    """Make `identity_domain_options`."""
    op.create_table(
        "identity_domain_options",
        sa.Column("domain_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("group", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("option", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("value", types.Json(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id"],
            ["identity_domains.id"],
            name=op.f("fk_identity_domain_options_domain_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "group", "option", name=op.f("pk_identity_domain_options")),
    )


def endpoints() -> None:
    """Make `identity_endpoints`."""
    op.create_table(
        "identity_endpoints",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("service_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("region_id", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("interface", sa.String(length=8), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["region_id"], ["identity_regions.id"], name=op.f("fk_identity_endpoints_region_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["identity_services.id"],
            name=op.f("fk_identity_endpoints_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_endpoints")),
    )
    op.create_index(
        op.f("ix_identity_endpoints_service_id"), "identity_endpoints", ["service_id"], unique=False
    )


def groups() -> None:
    """Make `identity_groups`."""
    op.create_table(
        "identity_groups",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("domain_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("extra", types.Json(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_groups_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_groups")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_identity_groups_domain_id_name")),
    )


def policy_associations() -> None:
    """Make `identity_policy_associations`."""
    op.create_table(
        "identity_policy_associations",
        sa.Column("place", sa.String(length=400), autoincrement=False, nullable=False),
        sa.Column("policy_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("service_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("region_id", sa.String(length=255), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["identity_policies.id"],
            name=op.f("fk_identity_policy_associations_policy_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_identity_policy_associations")),
    )
    op.create_index(
        op.f("ix_identity_policy_associations_policy_id"),
        "identity_policy_associations",
        ["policy_id"],
        unique=False,
    )


def project_endpoint_groups() -> None:
    """Make `identity_project_endpoint_groups`."""
    op.create_table(
        "identity_project_endpoint_groups",
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["identity_endpoint_groups.id"],
            name=op.f("fk_identity_project_endpoint_groups_group_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "group_id", name=op.f("pk_identity_project_endpoint_groups")),
    )


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
        sa.Column("options", types.Json(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["identity_domains.id"], name=op.f("fk_identity_projects_domain_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_projects")),
        sa.UniqueConstraint("domain_id", "name", name=op.f("uq_identity_projects_domain_id_name")),
    )
    op.create_index(op.f("ix_identity_projects_parent_id"), "identity_projects", ["parent_id"], unique=False)


def registered_limits() -> None:
    """Make `identity_registered_limits`."""
    op.create_table(
        "identity_registered_limits",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("service_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("region_id", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("resource_name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("default_limit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["region_id"], ["identity_regions.id"], name=op.f("fk_identity_registered_limits_region_id")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["identity_services.id"],
            name=op.f("fk_identity_registered_limits_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_registered_limits")),
    )
    op.create_index(
        op.f("ix_identity_registered_limits_service_id"),
        "identity_registered_limits",
        ["service_id"],
        unique=False,
    )


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
        sa.Column("options", types.Json(), autoincrement=False, nullable=True),
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
