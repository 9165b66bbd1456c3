"""Under which name a store has an image's bytes: until now, the image's id."""

import sqlalchemy as sa
from alembic import op

revision = "0113"
down_revision = "0095"


def upgrade() -> None:
    """Write the name down where there are bytes."""
    name = sa.Column("data", sa.String(length=128), nullable=False, server_default="")
    op.add_column("image_locations", name)
    op.execute("UPDATE image_locations SET data = image_id")
