"""Candidates beside the active policy: shadows and canaries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trials",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("signed_for", sa.Text, nullable=False),
        sa.Column("share_ppm", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=True),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("begun_us", sa.BigInteger, nullable=True),
        sa.Column("ended_us", sa.BigInteger, nullable=True),
        sa.Column("ended_as", sa.Text, nullable=True),
    )
    op.create_index(
        "uq_trials_running",
        "trials",
        ["kind", "channel"],
        unique=True,
        sqlite_where=sa.text("ended_us IS NULL"),
        postgresql_where=sa.text("ended_us IS NULL"),
    )
    op.create_table(
        "trial_reports",
        sa.Column("trial", sa.Text, primary_key=True),
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=True),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never dropped; restore a copy of the database instead")
