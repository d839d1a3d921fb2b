"""Create products

Revision ID: ca7a10600001
Revises: 4f1a01c0de05
"""
from alembic import op
import sqlalchemy as sa

revision = "ca7a10600001"
down_revision = "4f1a01c0de05"
branch_labels = ("catalogue",)
depends_on = None


def upgrade():
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
    )


def downgrade():
    op.drop_table("products")
