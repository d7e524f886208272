"""What ties the calls of one loop of an agent together: its story is read without reading every record."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records", sa.Column("correlation_id", sa.Text, nullable=True))
    op.create_index(
        "ix_records_correlation_id",
        "records",
        ["correlation_id", "seq"],
        sqlite_where=sa.text("correlation_id IS NOT NULL"),
        postgresql_where=sa.text("correlation_id IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never dropped; restore a copy of the database instead")
