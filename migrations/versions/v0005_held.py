"""Until when what a call took of its limits counts: budgets are rebuilt without reading every record."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records", sa.Column("held_us", sa.BigInteger, nullable=True))
    op.create_index(
        "ix_records_held_us",
        "records",
        ["held_us", "seq"],
        sqlite_where=sa.text("held_us IS NOT NULL"),
        postgresql_where=sa.text("held_us IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never dropped; restore a copy of the database instead")
