"""API keys: what they are bound to, where they come from, when they were used; tokens of the admin API."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("networks", sa.Text, nullable=True))
    op.add_column("api_keys", sa.Column("certificate", sa.Text, nullable=True))
    op.add_column("api_keys", sa.Column("rotated_from", sa.Text, nullable=True))
    op.add_column("api_keys", sa.Column("last_used_us", sa.BigInteger, nullable=True))
    op.add_column("api_keys", sa.Column("version", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_api_keys_version", "api_keys", ["version"])
    counter = op.create_table(
        "api_keys_version",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counter, [{"id": 1, "version": 0}])
    op.create_table(
        "admin_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("revoked_us", sa.BigInteger, nullable=True),
        sa.Column("revoked_reason", sa.Text, nullable=True),
    )


def downgrade() -> None:
    raise NotImplementedError("records are never dropped; restore a copy of the database instead")
