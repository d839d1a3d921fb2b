"""Orders can be returned

Revision ID: 4f1a01c0de07
Revises: 4f1a01c0de06
"""
from alembic import op

revision = "4f1a01c0de07"
down_revision = "4f1a01c0de06"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE order_state ADD VALUE 'returned'")


def downgrade():
    pass
