"""Generations of the index, and what those that nobody reads yet, or any more, hold."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("embedding_model", sa.String(length=500), nullable=False),
        sa.Column("chunk_tokens", sa.Integer(), nullable=False),
        sa.Column("recipe", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=True),
        sa.Column("lease_owner", sa.String(length=500), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_generations")),
    )
    active = sa.text("state = 'active'")
    op.create_index(
        "uq_generations_active", "generations", ["state"], unique=True, sqlite_where=active, postgresql_where=active
    )
    op.create_table(
        "generation_members",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chunks_done", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["generation"],
            ["generations.number"],
            name=op.f("fk_generation_members_generation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("generation", "document_id", "version", name=op.f("pk_generation_members")),
    )


def downgrade() -> None:
    op.drop_table("generation_members")
    op.drop_table("generations")
