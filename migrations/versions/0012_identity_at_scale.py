"""Who lies below whom among projects, and indexes that end in the key by which identity's lists page."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

#: Each project below its domain, below every project above it and below itself.
FILL = """
INSERT INTO identity_lineage (ancestor_id, project_id)
WITH RECURSIVE above(ancestor_id, project_id) AS (
    SELECT id, id FROM identity_projects
    UNION
    SELECT p.parent_id, above.project_id FROM above JOIN identity_projects p ON p.id = above.ancestor_id
)
SELECT ancestor_id, project_id FROM above
"""
#: (table, columns), not unique: several lists of one table page by its id.
PAGED = (
    ("groups", ("domain_id", "id")),
    ("groups", ("name", "id")),
    ("projects", ("domain_id", "id")),
    ("projects", ("enabled", "id")),
    ("projects", ("name", "id")),
    ("projects", ("parent_id", "id")),
    ("users", ("domain_id", "id")),
    ("users", ("enabled", "id")),
    ("users", ("name", "id")),
)
#: The columns of the assignments' key in three orders more.
ORDERS = {
    "by_actor": ("actor_type", "inherited", "actor_id", "target_type", "target_id", "role_id"),
    "by_target": ("target_id", "inherited", "actor_type", "actor_id", "role_id", "target_type"),
    "by_role": ("role_id", "actor_type", "inherited", "actor_id", "target_type", "target_id"),
}


def upgrade() -> None:
    """Make them."""
    lineage()
    for table, columns in PAGED:
        name = f"ix_identity_{table}_{'_'.join(columns)}"
        op.create_index(op.f(name), f"identity_{table}", list(columns), unique=False)
    for order, columns in ORDERS.items():
        op.create_index(
            f"ix_identity_assignments_{order}", "identity_assignments", list(columns), unique=True
        )
    for table, columns in (
        ("implications", ["implied_id", "prior_id"]),
        ("memberships", ["user_id", "group_id"]),
    ):
        op.create_index(
            op.f(f"ix_identity_{table}_{'_'.join(columns)}"), f"identity_{table}", columns, unique=True
        )
    for table, column in (
        ("assignments", "target_id"),
        ("memberships", "user_id"),
        ("projects", "parent_id"),
    ):
        op.drop_index(op.f(f"ix_identity_{table}_{column}"), table_name=f"identity_{table}")


def lineage() -> None:
    """Make `identity_lineage`, and fill it from the projects that there are."""
    op.create_table(
        "identity_lineage",
        sa.Column("ancestor_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.String(length=64), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["identity_projects.id"],
            name=op.f("fk_identity_lineage_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ancestor_id", "project_id", name=op.f("pk_identity_lineage")),
    )
    op.create_index(
        op.f("ix_identity_lineage_project_id_ancestor_id"),
        "identity_lineage",
        ["project_id", "ancestor_id"],
        unique=True,
    )
    op.execute(FILL)
