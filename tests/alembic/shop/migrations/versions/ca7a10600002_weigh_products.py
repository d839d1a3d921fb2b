"""Weigh products

Revision ID: ca7a10600002
Revises: ca7a10600001
"""
from alembic import op
import sqlalchemy as sa

revision = "ca7a10600002"
down_revision = "ca7a10600001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("products", sa.Column("weight", sa.BigInteger))
    op.execute("UPDATE products SET weight = 1000 * (id % 7) WHERE weight IS NULL")


def downgrade():
    op.drop_column("products", "weight")
