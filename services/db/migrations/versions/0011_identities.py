"""Sign-in elsewhere: who somebody is there, sign-ins under way, what renews a session, where a membership is from."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in a batch: that would copy the table while others use it.
    op.add_column("memberships", sa.Column("origin", sa.String(length=20), server_default="local", nullable=False))
    # They are there where a backup was restored by a release before, which drops only the tables that it knows.
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"], unique=False, if_not_exists=True)
    op.create_table(
        "sign_in_requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=64), nullable=False),
        sa.Column("next", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_requests")),
        if_not_exists=True,
    )
    name = op.f("ix_sign_in_requests_expires_at")
    op.create_index(name, "sign_in_requests", ["expires_at"], unique=False, if_not_exists=True)
    op.create_table(
        "provider_sessions",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=True),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_provider_sessions_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_provider_sessions")),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("provider_sessions")
    op.drop_table("sign_in_requests")
    op.drop_table("identities")
    op.drop_column("memberships", "origin")
