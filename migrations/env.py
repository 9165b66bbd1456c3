"""What Alembic's own commands work on: an empty SQLite database brought to the newest revision.

So `revision --autogenerate` compares the models with what the revisions make, and needs no database.
"""

import sqlalchemy
from alembic import context

from cumulo.core.db import migrations
from cumulo.core.db.types import Choice, Json, RawJson, When
from cumulo.testing.models import shipped


def render(kind: str, item: object, _autogen: object) -> str | bool:
    """Write our own column types by their names."""
    if kind == "type" and isinstance(item, RawJson | Json | When):
        return f"types.{type(item).__name__}()"
    if kind == "type" and isinstance(item, Choice):
        return f"sa.String(length={item.length})"
    return False


with sqlalchemy.create_engine("sqlite://").connect() as connection:
    for sql in migrations.script("sqlite", None):
        connection.exec_driver_sql(sql)
    context.configure(connection=connection, target_metadata=shipped(), render_item=render)
    context.run_migrations()
