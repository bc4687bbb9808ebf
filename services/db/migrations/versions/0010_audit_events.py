"""The audit log: who did what, each event hashed with the one before it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # It is there where a backup was restored by the release before, which drops only the tables that it knows: the
    # chain goes on behind what it holds.
    op.create_table(
        "audit_events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("actor", sa.String(length=500), nullable=True),
        sa.Column("user_id", sa.String(length=36), nullable=True),
        sa.Column("key_id", sa.String(length=36), nullable=True),
        sa.Column("address", sa.String(length=500), nullable=True),
        sa.Column("subject", sa.String(length=500), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_events")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_audit_events_time"), "audit_events", ["time"], unique=False, if_not_exists=True)
    for column in ("event", "actor", "user_id", "key_id", "subject"):
        name = op.f(f"ix_audit_events_{column}_sequence")
        op.create_index(name, "audit_events", [column, "sequence"], unique=False, if_not_exists=True)


def downgrade() -> None:
    op.drop_table("audit_events")
