"""Which document versions stored answers show: their texts are kept."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PAGE = 500
MESSAGES = sa.table("messages", sa.column("id", sa.String), sa.column("answer", sa.JSON))


def upgrade() -> None:
    cited = op.create_table(
        "cited_versions",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_cited_versions_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "document_id", "version", name=op.f("pk_cited_versions")),
    )
    op.create_index("ix_cited_versions_version", "cited_versions", ["document_id", "version"], unique=False)
    op.create_index(op.f("ix_versions_parsed_sha256"), "versions", ["parsed_sha256"], unique=False)
    _fill(cited)


def downgrade() -> None:
    op.drop_index(op.f("ix_versions_parsed_sha256"), table_name="versions")
    op.drop_index("ix_cited_versions_version", table_name="cited_versions")
    op.drop_table("cited_versions")


def _fill(cited: sa.Table) -> None:
    after = ""
    while rows := _page(after):
        found = [
            {"message_id": message, "document_id": document, "version": version}
            for message, answer in rows
            for document, version in sorted(_shown(answer or {}))
        ]
        if found:
            op.get_bind().execute(cited.insert(), found)
        after = rows[-1][0]


def _page(after: str) -> list[tuple[str, dict[str, Any] | None]]:
    query = sa.select(MESSAGES.c.id, MESSAGES.c.answer).where(MESSAGES.c.id > after).order_by(MESSAGES.c.id)
    return [(message, answer) for message, answer in op.get_bind().execute(query.limit(PAGE))]


def _shown(answer: dict[str, Any]) -> set[tuple[str, int]]:
    cited = [one for sentence in answer.get("sentences", ()) for one in sentence.get("citations", ())]
    closest = (answer.get("refusal") or {}).get("closest", ())
    return {(one["document_id"], one["version"]) for one in (*answer.get("sources", ()), *cited, *closest)}
