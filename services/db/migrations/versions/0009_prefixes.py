"""What goes before queries and passages as they are embedded. Generations made before have nothing there."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

GENERATIONS = sa.table("generations", sa.column("query_prefix", sa.Text), sa.column("document_prefix", sa.Text))


def upgrade() -> None:
    # Not in a batch: that may copy and drop the table, and with it the members of generations.
    for column in GENERATIONS.columns:
        op.add_column("generations", sa.Column(column.name, sa.Text(), nullable=True))
    op.execute(GENERATIONS.update().values(query_prefix="", document_prefix=""))


def downgrade() -> None:
    for column in GENERATIONS.columns:
        op.drop_column("generations", column.name)
