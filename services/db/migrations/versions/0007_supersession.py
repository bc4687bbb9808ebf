"""What a title is about and which edition it names; what documents are said to supersede."""

import sqlalchemy as sa
from alembic import op

from services.db.edition import edition_of

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PAGE = 1000
DOCUMENTS = sa.table(
    "documents",
    sa.column("id", sa.String),
    sa.column("title", sa.String),
    sa.column("subject", sa.String),
    sa.column("edition", sa.BigInteger),
)


def upgrade() -> None:
    op.create_table(
        "supersessions",
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("data_source", sa.String(length=500), nullable=False),
        sa.Column("external_id", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_supersessions_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "data_source", "external_id", name=op.f("pk_supersessions")),
    )
    op.create_index("ix_supersessions_name", "supersessions", ["data_source", "external_id"], unique=False)
    # Not in a batch: that may copy and drop the table, and with it all that hangs on a document.
    op.add_column("documents", sa.Column("subject", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("documents", sa.Column("edition", sa.BigInteger(), nullable=False, server_default="0"))
    _fill()
    op.create_index(
        "ix_documents_subject_effective", "documents", ["data_source", "subject", "effective_from"], unique=False
    )
    op.create_index("ix_documents_subject_edition", "documents", ["data_source", "subject", "edition"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_documents_subject_edition", table_name="documents")
    op.drop_index("ix_documents_subject_effective", table_name="documents")
    op.drop_column("documents", "edition")
    op.drop_column("documents", "subject")
    op.drop_table("supersessions")


def _fill() -> None:
    row = DOCUMENTS.update().where(DOCUMENTS.c.id == sa.bindparam("which"))
    said = row.values(subject=sa.bindparam("about"), edition=sa.bindparam("number"))
    after = ""
    while found := _page(after):
        editions = [(which, edition_of(title)) for which, title in found]
        rows = [{"which": which, "about": one.subject, "number": one.number} for which, one in editions]
        op.get_bind().execute(said, rows)
        after = found[-1][0]


def _page(after: str) -> list[tuple[str, str]]:
    query = sa.select(DOCUMENTS.c.id, DOCUMENTS.c.title).where(DOCUMENTS.c.id > after).order_by(DOCUMENTS.c.id)
    return [(which, title) for which, title in op.get_bind().execute(query.limit(PAGE))]
