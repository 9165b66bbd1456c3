"""The tables of tasks."""

import sqlalchemy as sa
from alembic import op

from cumulo.core.db import types

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make them."""
    tasks()
    parts()


TASKS = (
    "tasks_tasks",
    sa.Column("id", sa.String(length=36), autoincrement=False, nullable=False),
    sa.Column("saga", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("params", types.RawJson(), autoincrement=False, nullable=False),
    sa.Column("state", sa.String(length=16), autoincrement=False, nullable=False),
    sa.Column("part", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("run_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("lease_owner", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("lease_until", types.When(), autoincrement=False, nullable=True),
    sa.Column("fence", sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column("lock", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("request_id", sa.String(length=64), autoincrement=False, nullable=False),
    sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=True),
    sa.Column("resource", sa.String(length=255), autoincrement=False, nullable=True),
    sa.Column("error", types.Json(), autoincrement=False, nullable=True),
    sa.Column("created_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("updated_at", types.When(), autoincrement=False, nullable=False),
    sa.Column("finished_at", types.When(), autoincrement=False, nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks_tasks")),
)


def tasks() -> None:
    """Make `tasks_tasks`."""
    op.create_table(*TASKS)
    op.create_index(
        op.f("ix_tasks_tasks_project_id_created_at"),
        "tasks_tasks",
        ["project_id", "created_at"],
        unique=False,
    )
    op.create_index(op.f("ix_tasks_tasks_state_run_at"), "tasks_tasks", ["state", "run_at"], unique=False)
    op.create_index(
        "uq_tasks_tasks_lock",
        "tasks_tasks",
        ["lock"],
        unique=True,
        sqlite_where=sa.text("state IN ('pending', 'running', 'undoing', 'stuck')"),
        postgresql_where=sa.text("state IN ('pending', 'running', 'undoing', 'stuck')"),
    )


def parts() -> None:
    """Make `tasks_parts`."""
    op.create_table(
        "tasks_parts",
        sa.Column("task_id", sa.String(length=36), autoincrement=False, nullable=False),
        sa.Column("part", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("result", types.RawJson(), autoincrement=False, nullable=True),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("progress", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("error", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("started_at", types.When(), autoincrement=False, nullable=False),
        sa.Column("finished_at", types.When(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks_tasks.id"], name=op.f("fk_tasks_parts_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "part", name=op.f("pk_tasks_parts")),
    )
