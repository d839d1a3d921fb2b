"""Wider notes

Revision ID: f1a5c0de0003
Revises: f1a5c0de0002
"""
from alembic import op
import sqlalchemy as sa

revision = "f1a5c0de0003"
down_revision = "f1a5c0de0002"
branch_labels = None
depends_on = None


def upgrade():
    op.alter_column("notes", "title", existing_type=sa.String(100), type_=sa.String(200))
    op.alter_column("notes", "id", existing_type=sa.Integer(), type_=sa.BigInteger())


def downgrade():
    op.alter_column("notes", "id", existing_type=sa.BigInteger(), type_=sa.Integer())
    op.alter_column("notes", "title", existing_type=sa.String(200), type_=sa.String(100))
