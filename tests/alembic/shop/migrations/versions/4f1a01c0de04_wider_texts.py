"""Wider texts

Revision ID: 4f1a01c0de04
Revises: 4f1a01c0de03
"""
from alembic import op
import sqlalchemy as sa

revision = "4f1a01c0de04"
down_revision = "4f1a01c0de03"
branch_labels = None
depends_on = None


def upgrade():
    op.alter_column("customers", "email", existing_type=sa.String(120), type_=sa.String(200))
    op.alter_column("orders", "comment", existing_type=sa.String(100), type_=sa.Text())


def downgrade():
    op.alter_column("orders", "comment", existing_type=sa.Text(), type_=sa.String(100))
    op.alter_column("customers", "email", existing_type=sa.String(200), type_=sa.String(120))
