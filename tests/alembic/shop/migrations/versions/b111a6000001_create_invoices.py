"""Create invoices

Revision ID: b111a6000001
Revises: 4f1a01c0de05
"""
from alembic import op
import sqlalchemy as sa

revision = "b111a6000001"
down_revision = "4f1a01c0de05"
branch_labels = ("billing",)
depends_on = None


def upgrade():
    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.String(30), nullable=False),
        sa.Column("note", sa.Text, nullable=False, server_default="net; no tax"),
    )


def downgrade():
    op.drop_table("invoices")
