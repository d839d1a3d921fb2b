"""Unique emails

Revision ID: 4f1a01c0de11
Revises: 4f1a01c0de10
"""
from alembic import op

revision = "4f1a01c0de11"
down_revision = "4f1a01c0de10"
branch_labels = None
depends_on = None


def upgrade():
    op.create_unique_constraint("customers_email_key", "customers", ["email"])
    op.create_check_constraint("customers_email_check", "customers", "email LIKE '%@%'")


def downgrade():
    op.drop_constraint("customers_email_check", "customers")
    op.drop_constraint("customers_email_key", "customers")
