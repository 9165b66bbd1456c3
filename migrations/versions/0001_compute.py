"""The tables of compute."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    console_tokens()
    flavors()
    hosts()
    keypairs()
    server_actions()
    servers()
    flavor_access()


def console_tokens() -> None:
    """Make `compute_console_tokens`."""
    op.create_table(
        "compute_console_tokens",
        sa.Column("id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("server_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("expires_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_console_tokens")),
    )
    op.create_index(
        op.f("ix_compute_console_tokens_server_id"), "compute_console_tokens", ["server_id"], unique=False
    )


def flavors() -> None:
    """Make `compute_flavors`."""
    op.create_table(
        "compute_flavors",
        sa.Column("id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("vcpus", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("memory_mib", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root_gib", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ephemeral_gib", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("swap_mib", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rxtx_factor", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("is_public", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("extra_specs", types.Json(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_flavors")),
        sa.UniqueConstraint("name", name="uq_compute_flavors_name"),
    )


HOSTS = (
    "compute_hosts",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("service_id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("host", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("zone", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("hypervisor_type", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("hypervisor_version", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("vcpus", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("memory_mib", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("disk_gib", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("cpu_info", sa.Text(), autoincrement=False, nullable=False),
    sa.Column("host_ip", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("supported_instances", types.Json(), autoincrement=False, nullable=False),
    sa.Column("report", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("disabled", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("disabled_reason", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("forced_down", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("seen_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_hosts")),
    sa.UniqueConstraint("host", name="uq_compute_hosts_host"),
)


def hosts() -> None:
    """Make `compute_hosts`."""
    op.create_table(*HOSTS)


def keypairs() -> None:
    """Make `compute_keypairs`."""
    op.create_table(
        "compute_keypairs",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("public_key", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_keypairs")),
        sa.UniqueConstraint("user_id", "name", name="uq_compute_keypairs_name"),
    )


def server_actions() -> None:
    """Make `compute_server_actions`."""
    op.create_table(
        "compute_server_actions",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("server_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("action", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("request_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("started_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("updated_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("finished_at", types.When(), autoincrement=False, nullable=True),
        sa.Column("message", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("events", types.Json(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_server_actions")),
    )
    op.create_index(
        op.f("ix_compute_server_actions_server_id_started_at"),
        "compute_server_actions",
        ["server_id", "started_at"],
        unique=False,
    )


SERVERS = (
    "compute_servers",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("user_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("hostname", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("description", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("vm_state", sa.String(length=20), autoincrement=False, nullable=False),
    sa.Column("task_state", sa.String(length=32), autoincrement=False, nullable=True),
    sa.Column("power_state", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("operation", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("deletion", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("image_id", sa.String(length=36), autoincrement=False, nullable=True),
    sa.Column("image_properties", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("flavor_id", sa.String(length=255), autoincrement=False, nullable=False),
    sa.Column("flavor", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("vcpus", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("memory_mib", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("disk_gib", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("key_name", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("zone", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("requested_zone", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("host", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("host_id", sa.String(length=56), autoincrement=False, nullable=False),
    sa.Column("asked", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("addresses", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("security_groups", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("metadata", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("tags", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("scheduler_hints", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("fault", types.RawJson(), autoincrement=False, nullable=True),
    sa.Column("user_data", sa.Text(), autoincrement=False, nullable=True),
    sa.Column("config_drive", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("disk_config", sa.String(length=8), autoincrement=False, nullable=False),
    sa.Column("access_ipv4", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("access_ipv6", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("reservation_id", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("launch_index", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("locked", sa.Boolean(), autoincrement=False, nullable=False),
    sa.Column("locked_by", sa.String(length=8), autoincrement=False, nullable=True),
    sa.Column("locked_reason", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("launched_at", types.When(), autoincrement=False, nullable=True),
    sa.Column("deleted_at", types.When(), autoincrement=False, nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_servers")),
)


def servers() -> None:
    """Make `compute_servers`."""
    op.create_table(*SERVERS)
    op.create_index(
        op.f("ix_compute_servers_host_deleted_at"), "compute_servers", ["host", "deleted_at"], unique=False
    )
    op.create_index(
        op.f("ix_compute_servers_project_id_deleted_at_created_at_id"),
        "compute_servers",
        ["project_id", "deleted_at", "created_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_compute_servers_updated_at"), "compute_servers", ["updated_at"], unique=False)


def flavor_access() -> None:
    """Make `compute_flavor_access`."""
    op.create_table(
        "compute_flavor_access",
        sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("flavor_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=255), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["flavor_id"], ["compute_flavors.id"], name=op.f("fk_compute_flavor_access_flavor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_flavor_access")),
        sa.UniqueConstraint("flavor_id", "project_id", name="uq_compute_flavor_access"),
    )
    op.create_index(
        op.f("ix_compute_flavor_access_project_id"), "compute_flavor_access", ["project_id"], unique=False
    )
