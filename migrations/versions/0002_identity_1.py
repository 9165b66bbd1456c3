"""The tables of identity, part 1."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them."""
    audit_events()
    consumers()
    credentials()
    domains()
    endpoint_groups()
    nonces()
    policies()
    regions()
    revisions()
    revoked_tokens()
    services()
    trusts()


def audit_events() -> None:
    """Make `identity_audit_events`."""
    op.create_table(
        "identity_audit_events",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("at", types.When(), autoincrement=False, nullable=False),
        sa.Column("action", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("target_type", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("target_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("initiator_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("initiator_project_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("request_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("details", types.Json(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_audit_events")),
    )
    op.create_index(op.f("ix_identity_audit_events_at"), "identity_audit_events", ["at"], unique=False)
    op.create_index(
        op.f("ix_identity_audit_events_initiator_id"), "identity_audit_events", ["initiator_id"], unique=False
    )
    op.create_index(
        op.f("ix_identity_audit_events_target_id"), "identity_audit_events", ["target_id"], unique=False
    )


def consumers() -> None:
    """Make `identity_consumers`."""
    op.create_table(
        "identity_consumers",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("extra", types.Json(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_consumers")),
    )


def credentials() -> None:
    """Make `identity_credentials`."""
    op.create_table(
        "identity_credentials",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("type", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_credentials")),
    )
    op.create_index(
        op.f("ix_identity_credentials_project_id"), "identity_credentials", ["project_id"], unique=False
    )
    op.create_index(
        op.f("ix_identity_credentials_user_id"), "identity_credentials", ["user_id"], unique=False
    )


def domains() -> None:
    """Make `identity_domains`."""
    op.create_table(
        "identity_domains",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("tags", types.Json(), autoincrement=False, nullable=False),
        sa.Column("extra", types.Json(), autoincrement=False, nullable=False),
        sa.Column("options", types.Json(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_identity_domains_name")),
    )


def endpoint_groups() -> None:
    """Make `identity_endpoint_groups`."""
    op.create_table(
        "identity_endpoint_groups",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("filters", types.Json(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_endpoint_groups")),
    )


def nonces() -> None:
    """Make `identity_nonces`."""
    op.create_table(
        "identity_nonces",
        sa.Column("key", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_identity_nonces")),
    )
    op.create_index(op.f("ix_identity_nonces_expires_at"), "identity_nonces", ["expires_at"], unique=False)


def policies() -> None:
    """Make `identity_policies`."""
    op.create_table(
        "identity_policies",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("blob", types.Json(), autoincrement=False, nullable=True),
        sa.Column("extra", types.Json(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_policies")),
    )


def regions() -> None:
    """Make `identity_regions`."""
    op.create_table(
        "identity_regions",
        sa.Column("id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("parent_region_id", sa.String(length=255), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_region_id"], ["identity_regions.id"], name=op.f("fk_identity_regions_parent_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_regions")),
    )


def revisions() -> None:
    """Make `identity_revisions`."""
    op.create_table(
        "identity_revisions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_revisions")),
    )


def revoked_tokens() -> None:
    """Make `identity_revoked_tokens`."""
    op.create_table(
        "identity_revoked_tokens",
        sa.Column("audit_id", sa.String(length=32), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_identity_revoked_tokens")),
    )
    op.create_index(
        op.f("ix_identity_revoked_tokens_expires_at"), "identity_revoked_tokens", ["expires_at"], unique=False
    )


def services() -> None:
    """Make `identity_services`."""
    op.create_table(
        "identity_services",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=True),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("enabled", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_services")),
    )


def trusts() -> None:
    """Make `identity_trusts`."""
    op.create_table(
        "identity_trusts",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("trustor_user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("trustee_user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("impersonation", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("role_ids", types.Json(), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("remaining_uses", sa.Integer(), autoincrement=False, nullable=True),
        sa.Column("redelegated_trust_id", sa.String(length=64), autoincrement=False, nullable=True),
        sa.Column("redelegation_count", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_trusts")),
    )
    op.create_index(op.f("ix_identity_trusts_project_id"), "identity_trusts", ["project_id"], unique=False)
    op.create_index(
        op.f("ix_identity_trusts_redelegated_trust_id"),
        "identity_trusts",
        ["redelegated_trust_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_identity_trusts_trustee_user_id"), "identity_trusts", ["trustee_user_id"], unique=False
    )
    op.create_index(
        op.f("ix_identity_trusts_trustor_user_id"), "identity_trusts", ["trustor_user_id"], unique=False
    )
