"""Full names

Revision ID: 4f1a01c0de09
Revises: 4f1a01c0de08
"""
from alembic import op

revision = "4f1a01c0de09"
down_revision = "4f1a01c0de08"
branch_labels = None
depends_on = None


def upgrade():
    op.alter_column("customers", "name", new_column_name="full_name")


def downgrade():
    op.alter_column("customers", "full_name", new_column_name="name")
