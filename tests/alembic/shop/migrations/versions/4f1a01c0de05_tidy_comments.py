"""Tidy comments

Revision ID: 4f1a01c0de05
Revises: 4f1a01c0de04
"""
from alembic import op

revision = "4f1a01c0de05"
down_revision = "4f1a01c0de04"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("UPDATE orders SET comment = 'none; -- 0% off' WHERE comment LIKE '50%'")
    op.execute(
        """
        -- names keep their spelling;
        UPDATE customers SET email = lower(email)
         WHERE email <> lower(email);
        """
    )


def downgrade():
    pass
