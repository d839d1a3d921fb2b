"""Wider order keys

Revision ID: 4f1a01c0de03
Revises: 4f1a01c0de02
"""
from alembic import op
import sqlalchemy as sa

revision = "4f1a01c0de03"
down_revision = "4f1a01c0de02"
branch_labels = None
depends_on = None


def upgrade():
    op.alter_column("orders", "id", existing_type=sa.Integer(), type_=sa.BigInteger())
    op.alter_column("orders", "total", existing_type=sa.Numeric(10, 2), type_=sa.Numeric(14, 2))


def downgrade():
    op.alter_column("orders", "total", existing_type=sa.Numeric(14, 2), type_=sa.Numeric(10, 2))
    op.alter_column("orders", "id", existing_type=sa.BigInteger(), type_=sa.Integer())
