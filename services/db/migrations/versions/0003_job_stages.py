"""What stage a job is in, how many chunks it comes to, where their vectors came from; whether a title was given."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stage", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("chunks_total", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("chunks_embedded", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("chunks_reused", sa.Integer(), nullable=True))
        batch_op.create_index("ix_jobs_state_created", ["state", "created_at"], unique=False)
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("title_given", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Whether an older one was given or found in the file is not known.
    op.execute("UPDATE documents SET title_given = (title <> external_id)")


def downgrade() -> None:
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_column("title_given")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_state_created")
        for column in ("chunks_reused", "chunks_embedded", "chunks_total", "progress_at", "stage"):
            batch_op.drop_column(column)
