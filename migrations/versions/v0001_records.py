"""Records, API keys and active bundles."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("wseq", sa.BigInteger, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.Text, nullable=True),
        sa.Column("client_id", sa.Text, nullable=True),
        sa.Column("tenant", sa.Text, nullable=True),
        sa.Column("operation", sa.Text, nullable=True),
        sa.Column("model", sa.Text, nullable=True),
        sa.Column("decision", sa.Text, nullable=True),
        sa.Column("policy_revision", sa.Text, nullable=True),
        sa.Column("status", sa.Integer, nullable=True),
        sa.Column("canonical", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        sa.UniqueConstraint("id", name="uq_records_id"),
        sa.UniqueConstraint("writer", "wseq", name="uq_records_writer_wseq"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_records_request_id", "records", ["request_id"])
    op.create_index("ix_records_time_us", "records", ["time_us"])
    op.create_table(
        "activations",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("activated_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=True),
        sa.Column("revoked_us", sa.BigInteger, nullable=True),
        sa.Column("revoked_reason", sa.Text, nullable=True),
        sa.Column("label", sa.Text, nullable=True),
    )
    op.create_index("ix_api_keys_client_id", "api_keys", ["client_id"])


def downgrade() -> None:
    raise NotImplementedError("records are never dropped; restore a copy of the database instead")
