"""What stage a job is in, how many chunks it comes to, and where their vectors came from."""

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


def downgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_state_created")
        for column in ("chunks_reused", "chunks_embedded", "chunks_total", "progress_at", "stage"):
            batch_op.drop_column(column)
