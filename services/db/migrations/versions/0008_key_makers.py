"""Which key a key was made with. Of keys made before that is not known: they have none."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In a batch, which may copy and drop the table: nothing but the keys themselves refers to it.
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("made_by", sa.String(length=36), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_api_keys_made_by"),
            "api_keys",
            ["made_by"],
            ["id"],
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        )
        batch_op.create_index(batch_op.f("ix_api_keys_made_by"), ["made_by"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_keys_made_by"))
        batch_op.drop_constraint(batch_op.f("fk_api_keys_made_by"), type_="foreignkey")
        batch_op.drop_column("made_by")
