"""Merge billing and catalogue

Revision ID: 4f1a01c0de06
Revises: b111a6000002, ca7a10600003
"""
from alembic import op

revision = "4f1a01c0de06"
down_revision = ("b111a6000002", "ca7a10600003")
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
